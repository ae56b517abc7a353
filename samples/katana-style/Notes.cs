using System;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;

namespace KatanaStyle
{
    using Protector = Tuple<Func<byte[], byte[]>, Func<byte[], byte[]>>;

    /// <summary>Keeps a note in the visitor's cookie, encrypted and signed by the server's data protection, whose keys
    /// outlive a restart.</summary>
    public sealed class Notes : ContextMiddleware
    {
        private const string CookieName = "note";
        private const int MostCharacters = 1000;

        private readonly Protector _protector;

        public Notes(ContextMiddleware next, IDictionary<string, object> properties)
            : base(next)
        {
            var provider = (Func<string[], Protector>)properties["security.DataProtectionProvider"];
            _protector = provider(new[] { "KatanaStyle.Notes", "v1" });
        }

        public override async Task Invoke(Context context)
        {
            if (context.Method != "POST")
            {
                await context.WriteAsync(Read(context.Cookie(CookieName)) + "\n");
                return;
            }

            string note;
            using (var reader = new StreamReader(context.RequestBody, Encoding.UTF8, false, 1024, leaveOpen: true))
            {
                note = await reader.ReadToEndAsync();
            }

            if (note.Length > MostCharacters)
            {
                context.StatusCode = 413;
                await context.WriteAsync("a note has 1000 characters at most\n");
                return;
            }

            string value = Convert.ToBase64String(_protector.Item1(Encoding.UTF8.GetBytes(note)));
            context.ResponseHeaders["Set-Cookie"] = new[] { $"{CookieName}={value}; Path={context.PathBase}; HttpOnly" };
            await context.WriteAsync("kept\n");
        }

        private string Read(string cookie)
        {
            if (cookie == null)
            {
                return "no note";
            }

            try
            {
                return Encoding.UTF8.GetString(_protector.Item2(Convert.FromBase64String(cookie)));
            }
            catch (Exception exception) when (exception is CryptographicException or FormatException)
            {
                return "no note of ours";
            }
        }
    }
}
