// ssl.ClientCertificate from what the front end passed on: a PEM certificate, percent-encoded (nginx's
// $ssl_client_escaped_cert). The front end has verified it, or has not: that is its configuration's business.

using System;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using Owind.Boundary;

namespace Owind.Hosting;

internal static class ClientCertificate
{
    /// <summary>ssl.LoadClientCertAsync: it is loaded from the beginning.</summary>
    internal static readonly Func<Task> Loaded = static () => Task.CompletedTask;

    /// <summary>The certificate; null, and a line in the log, when it cannot be read.</summary>
    internal static X509Certificate2? FromPem(string escaped, OwinEnvironment environment)
    {
        try
        {
            return X509Certificate2.CreateFromPem(Uri.UnescapeDataString(escaped));
        }
        catch (CryptographicException exception)
        {
            Log.Exception(LogLevel.Warning, "the client certificate cannot be read", exception, environment.Token);
            return null;
        }
    }
}
