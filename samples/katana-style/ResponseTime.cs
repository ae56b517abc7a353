using System.Diagnostics;
using System.Globalization;
using System.Threading.Tasks;

namespace KatanaStyle
{
    /// <summary>Says in a header how long it took until the response began.</summary>
    public sealed class ResponseTime : ContextMiddleware
    {
        private readonly string _header;

        public ResponseTime(ContextMiddleware next, string header)
            : base(next)
        {
            _header = header;
        }

        public override Task Invoke(Context context)
        {
            long begun = Stopwatch.GetTimestamp();
            context.OnSendingHeaders(() =>
            {
                double milliseconds = (Stopwatch.GetTimestamp() - begun) * 1000.0 / Stopwatch.Frequency;
                context.ResponseHeaders[_header] = new[] { milliseconds.ToString("0.###", CultureInfo.InvariantCulture) };
            });
            return Next.Invoke(context);
        }
    }
}
