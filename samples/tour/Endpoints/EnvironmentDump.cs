using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Threading.Tasks;

namespace Tour.Endpoints
{
    /// <summary>What the server offers.</summary>
    public static class EnvironmentDump
    {
        /// <summary>GET /environment[?format=json]: every key with its value, or with the type of a value that is no plain
        /// one.</summary>
        public static Task Show(IDictionary<string, object> environment)
        {
            var context = new Context(environment);
            var pairs = environment.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToList();
            if (context.Query("format") != "json")
            {
                return context.WriteText(string.Concat(pairs.Select(pair => pair.Key + ": " + Plain(pair.Value) + "\n")));
            }

            var bytes = new MemoryStream();
            using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
            {
                json.WriteStartObject();
                foreach (var pair in pairs)
                {
                    json.WritePropertyName(pair.Key);
                    WriteJson(json, pair.Value);
                }

                json.WriteEndObject();
            }

            return context.WriteText(Encoding.UTF8.GetString(bytes.ToArray()), "application/json");
        }

        private static string Plain(object value)
        {
            switch (value)
            {
                case null:
                    return "null";
                case string or int or long or bool:
                    return value.ToString();
                case IDictionary<string, string[]> headers:
                    return "{" + string.Join(", ", headers.Select(header => header.Key + "=[" + string.Join(" | ", header.Value) + "]")) + "}";
                default:
                    return "(" + value.GetType() + ")";
            }
        }

        private static void WriteJson(Utf8JsonWriter json, object value)
        {
            switch (value)
            {
                case null:
                    json.WriteNullValue();
                    break;
                case bool flag:
                    json.WriteBooleanValue(flag);
                    break;
                case int or long:
                    json.WriteNumberValue(Convert.ToInt64(value));
                    break;
                case string text:
                    json.WriteStringValue(text);
                    break;
                case IDictionary<string, string[]> headers:
                    json.WriteStartObject();
                    foreach (var header in headers)
                    {
                        json.WriteStartArray(header.Key);
                        foreach (var item in header.Value)
                        {
                            json.WriteStringValue(item);
                        }

                        json.WriteEndArray();
                    }

                    json.WriteEndObject();
                    break;
                default:
                    json.WriteStringValue("(" + value.GetType() + ")");
                    break;
            }
        }
    }
}
