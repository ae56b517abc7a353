// sendfile.SendAsync (SendFile extension 0.3.0): part of a file to the response body: from the page cache into the socket
// where the protocol allows it (HTTP), else by copying. The file is read asynchronously and closed before the Task ends; no
// thread of the application waits for the disk or the client.

using System;
using System.Buffers;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;
using Owind.Requests;

namespace Owind.Hosting;

internal sealed class FileSender
{
    private const int BufferBytes = 64 * 1024;

    private readonly ResponseBodyStream _body;

    internal FileSender(ResponseBodyStream body) => _body = body;

    /// <param name="count">Null: to the end of the file.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the file.</exception>
    internal async Task SendAsync(string path, long offset, long? count, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        cancellation.ThrowIfCancellationRequested();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, options: FileOptions.Asynchronous);
            long length = RandomAccess.GetLength(file);
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, length);
            ArgumentOutOfRangeException.ThrowIfNegative(count ?? 0, nameof(count));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count ?? 0, length - offset, nameof(count));
            long left = count ?? length - offset;

            // Also for nothing at all: the call sends the headers.
            await _body.WriteAsync(ReadOnlyMemory<byte>.Empty, cancellation).ConfigureAwait(false);
            if (left > 0 &&
                await _body.SendFileAsync(file, offset, left, cancellation).ConfigureAwait(false))
            {
                return;
            }

            while (left > 0)
            {
                Memory<byte> part = buffer.AsMemory(0, (int)Math.Min(left, buffer.Length));
                int read = await RandomAccess.ReadAsync(file, part, offset, cancellation).ConfigureAwait(false);
                if (read == 0)
                {
                    throw new EndOfStreamException($"'{path}' became shorter while it was sent.");
                }

                await _body.WriteAsync(part[..read], cancellation).ConfigureAwait(false);
                offset += read;
                left -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
