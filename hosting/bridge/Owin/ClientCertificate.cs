// ssl.ClientCertificate and ssl.ClientCertificateErrors from what the front end passed on: a PEM certificate,
// percent-encoded (nginx's $ssl_client_escaped_cert), and what its verification gave ($ssl_client_verify). A front end
// that says nothing of verification lets verified certificates through only: that is its configuration's business.

using System;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using Owind.Boundary;

namespace Owind.Hosting;

internal static class ClientCertificate
{
    private const string Verified = "SUCCESS";
    private const string FailedPrefix = "FAILED:";

    /// <summary>ssl.LoadClientCertAsync: it is loaded from the beginning.</summary>
    internal static readonly Func<Task> Loaded = static () => Task.CompletedTask;

    /// <summary>The certificate; null, and a line in the log, when it cannot be read.</summary>
    internal static X509Certificate2? FromPem(string escaped, OwinEnvironment environment)
    {
        X509Certificate2? certificate = Read(escaped, out CryptographicException? error);
        if (error != null)
        {
            Log.Exception(LogLevel.Warning, "the client certificate cannot be read", error, environment.Token);
        }

        return certificate;
    }

    /// <summary>What is wrong with the certificate; null: nothing that the front end told of.</summary>
    /// <param name="escaped">The certificate, as for <see cref="FromPem"/>.</param>
    /// <param name="verification">"", "SUCCESS", or anything else, usually "FAILED:reason".</param>
    internal static Exception? ErrorsOf(string escaped, string verification)
    {
        Read(escaped, out CryptographicException? error)?.Dispose();
        if (error != null)
        {
            return error;
        }

        if (verification.Length == 0 || verification == Verified)
        {
            return null;
        }

        string reason = verification.StartsWith(FailedPrefix, StringComparison.Ordinal)
            ? verification[FailedPrefix.Length..]
            : verification;
        return new AuthenticationException($"The front end could not verify the client certificate: {reason}");
    }

    private static X509Certificate2? Read(string escaped, out CryptographicException? error)
    {
        error = null;
        try
        {
            return X509Certificate2.CreateFromPem(Uri.UnescapeDataString(escaped));
        }
        catch (CryptographicException exception)
        {
            error = exception;
            return null;
        }
    }
}
