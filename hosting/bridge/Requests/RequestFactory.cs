// Makes the request objects of one kind of application: OWIN today. The seam at which another programming model
// can stand beside it; nothing in this folder knows which one it serves.

using Owind.Boundary;

namespace Owind.Requests;

internal abstract unsafe class RequestFactory
{
    /// <summary>A request that has not run yet. The block is valid until the request has been completed.</summary>
    internal abstract BridgeRequest Create(ulong token, RequestBlock* block);
}
