// The two header dictionaries (OWIN 1.0.1 §3.3): case, copies, lines, and what happens once the head is sent.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Owind.Boundary;
using Xunit;

namespace Owind.Tests.Requests;

using Headers = IDictionary<string, string[]>;

public class HeadersTests
{
    [Fact(DisplayName = "request headers are found whatever their case; a miss is false or KeyNotFoundException")]
    public void RequestLookup() => WithRequestHeaders(static headers =>
    {
        Assert.Equal(["example.com:81"], headers["host"]);
        Assert.Equal(["text/html, */*"], headers["ACCEPT"]);
        Assert.True(headers.TryGetValue("Accept-language", out string[]? values));
        Assert.Equal(["de"], values);
        Assert.False(headers.TryGetValue("Accept-Languages", out values));
        Assert.Null(values);
        Assert.False(headers.ContainsKey("Accep"));
        Assert.Throws<KeyNotFoundException>(() => headers["nothing"]);
        Assert.Throws<ArgumentNullException>(() => headers[null!]);
        Assert.Throws<ArgumentNullException>(() => headers.ContainsKey(null!));
    });

    [Fact(DisplayName = "a repeated request header is one key with an element a line, in order; nothing is split")]
    public void RepeatedRequestHeader() => WithRequestHeaders(static headers =>
    {
        Assert.Equal(["1", "2, 3", "4"], headers["x-m"]);
        Assert.Equal(4, headers.Count);
        Assert.Equal(["1", "2, 3", "4"], headers["X-M"]);
        Assert.Equal(["Accept", "Accept-Language", "Host", "X-M"], headers.Keys.Order());
    });

    [Fact(DisplayName = "arrays are copies: a change counts only after the array was set")]
    public void ArraysAreCopies()
    {
        WithRequestHeaders(ChangeArrays);
        WithResponseHeaders(static headers =>
        {
            headers["Host"] = ["example.com:81"];
            headers["X-M"] = ["1", "2, 3", "4"];
            ChangeArrays(headers);
        });

        static void ChangeArrays(Headers headers)
        {
            headers["Host"][0] = "changed";
            headers["X-M"][1] = "changed";
            Assert.Equal(["example.com:81"], headers["Host"]);
            Assert.Equal(["1", "2, 3", "4"], headers["X-M"]);

            string[] one = ["a"];
            string[] two = ["a", "b"];
            headers["X-One"] = one;
            headers["X-Two"] = two;
            one[0] = two[0] = "changed";
            Assert.Equal(["a"], headers["X-One"]);
            Assert.Equal(["a", "b"], headers["X-Two"]);

            foreach (KeyValuePair<string, string[]> pair in headers)
            {
                pair.Value[0] = "changed";
            }

            Assert.Equal(["a", "b"], headers["X-Two"]);
        }
    }

    [Fact(DisplayName = "both dictionaries can be changed, enumerated on the way, copied, cleared")]
    public void DictionaryMembers()
    {
        WithRequestHeaders(Members);
        WithResponseHeaders(Members);

        static void Members(Headers headers)
        {
            headers.Clear();
            Assert.Empty(headers);
            headers["B"] = ["2"];
            headers.Add("A", ["1", "1b"]);
            Assert.Equal("The key 'a' is already present in the dictionary. (Parameter 'key')",
                Assert.Throws<ArgumentException>(() => headers.Add("a", ["x"])).Message);
            headers["b"] = ["3"];
            Assert.Equal(["3"], headers["B"]);
            Assert.Equal(2, headers.Count);
            headers["B"] = null!;
            Assert.False(headers.ContainsKey("B"));
            headers["A"] = [];
            Assert.False(headers.Remove("A"));
            Assert.Throws<ArgumentNullException>(() => headers[null!] = ["1"]);
            headers.Add(new KeyValuePair<string, string[]>("C", ["1"]));
            Assert.True(headers.Contains(new KeyValuePair<string, string[]>("c", ["1"])));
            Assert.False(headers.Remove(new KeyValuePair<string, string[]>("C", ["2"])));
            Assert.True(headers.Remove(new KeyValuePair<string, string[]>("C", ["1"])));
            Assert.False(headers.IsReadOnly);

            for (int i = 0; i < 20; i++)
            {
                headers["X-" + i] = [i.ToString()];
            }

            foreach (KeyValuePair<string, string[]> pair in headers)
            {
                if (int.Parse(pair.Value[0]) % 2 == 0)
                {
                    Assert.True(headers.Remove(pair.Key));
                }
            }

            Assert.Equal(10, headers.Count);
            Assert.Equal(10, headers.Values.Count);
            var copy = new KeyValuePair<string, string[]>[10];
            headers.CopyTo(copy, 0);
            Assert.Equal(["X-1", "X-3"], copy.Take(2).Select(static pair => pair.Key));
            Assert.Equal(["19"], headers["x-19"]);
        }
    }

    [Fact(DisplayName = "each element of a response header leaves as a line of its own; Set-Cookie is never joined")]
    public void OneLineAnElement()
    {
        FakeHead head = HeadOf(static headers =>
        {
            headers["Set-Cookie"] = ["a=1", "b=2; Path=/, c"];
            headers["Vary"] = ["Accept, Cookie"];
            headers["set-cookie"] = ["a=1", "b=2; Path=/, c", "d=4"];
        });
        Assert.Equal(
            [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/, c"), ("Set-Cookie", "d=4"), ("Vary", "Accept, Cookie")],
            head.Fields);
    }

    [Fact(DisplayName = "names and values of any length and any character leave as UTF-8; a null element is empty")]
    public void LongAndForeign()
    {
        string large = new('x', 100_000);
        FakeHead head = HeadOf(headers =>
        {
            headers["X-Foreign"] = ["caf\u00e9 \u20ac \ud83d\ude00", null!];
            headers["X-Large"] = [large];
            headers["X-Null"] = [null!];
        });
        Assert.Equal(["caf\u00e9 \u20ac \ud83d\ude00", ""], head["X-Foreign"]);
        Assert.Equal([large], head["X-Large"]);
        Assert.Equal([""], head["X-Null"]);
    }

    [Fact(DisplayName = "a dictionary that middleware puts into owin.ResponseHeaders is the one that is sent")]
    public void ReplacedHeaders()
    {
        FakeHead head = HeadOf(static (environment, headers) =>
        {
            headers["X-Old"] = ["1"];
            environment["owin.ResponseHeaders"] = new Dictionary<string, string[]>
            {
                ["X-New"] = ["2", "3"],
                ["X-Null"] = null!,
                ["Content-Length"] = ["0"],
            };
        });
        Assert.Equal([("X-New", "2"), ("X-New", "3"), ("Content-Length", "0")], head.Fields);
    }

    [Fact(DisplayName = "owin.ResponseHeaders that are null or removed mean no headers")]
    public void NoHeaders()
    {
        Assert.Empty(HeadOf(static (environment, headers) =>
        {
            headers["X-Old"] = ["1"];
            environment["owin.ResponseHeaders"] = null!;
        }).Fields);
        Assert.Empty(HeadOf(static (environment, _) => environment.Remove("owin.ResponseHeaders")).Fields);
    }

    [Fact(DisplayName = "changing a header after the head was sent throws and names header and path")]
    public void TooLate()
    {
        var messages = new List<string>();
        using FakeRequest request = new FakeRequest(environment =>
        {
            var headers = (Headers)environment["owin.ResponseHeaders"];
            headers["X-A"] = ["1"];
            ((Stream)environment["owin.ResponseBody"]).Flush();
            Action[] changes =
            [
                () => headers["Set-Cookie"] = ["a=1"], () => headers.Add("Set-Cookie", ["a=1"]),
                () => headers.Remove("Set-Cookie"), headers.Clear,
            ];
            foreach (Action change in changes)
            {
                messages.Add(Assert.Throws<InvalidOperationException>(change).Message);
            }

            Assert.Equal(["1"], headers["X-A"]);
            return Task.CompletedTask;
        }).WithSlot(RequestSlot.PathBase, "/base").WithSlot(RequestSlot.Path, "/login").Start();

        Assert.Equal(Outcome.Completed, request.Outcome);
        Assert.Equal(4, messages.Count);
        Assert.All(messages, static message => Assert.Contains("'/base/login'", message));
        Assert.All(messages.Take(3), static message => Assert.Contains("'Set-Cookie'", message));
    }

    private static FakeHead HeadOf(Action<Headers> fill) => HeadOf((_, headers) => fill(headers));

    private static FakeHead HeadOf(Action<IDictionary<string, object>, Headers> fill)
    {
        using FakeRequest request = new FakeRequest(environment =>
        {
            fill(environment, (Headers)environment["owin.ResponseHeaders"]);
            return Task.CompletedTask;
        }).Start();
        Assert.Empty(request.Log);
        return request.GivenHead!;
    }

    private static void WithResponseHeaders(Action<Headers> assert) => HeadOf(assert);

    private static void WithRequestHeaders(Action<Headers> assert)
    {
        using FakeRequest request = new FakeRequest(environment =>
            {
                assert((Headers)environment["owin.RequestHeaders"]);
                return Task.CompletedTask;
            })
            .WithField("Host", "example.com:81").WithField("X-M", "1").WithField("Accept", "text/html, */*")
            .WithField("X-M", "2, 3").WithField("Accept-Language", "de").WithField("X-m", "4").Start();
        Assert.Equal([], request.Log.Select(static record => record.Text));
    }
}
