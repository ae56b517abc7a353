// Kestrel as the bench measures it behind nginx: no routing, no logging, the same thirteen bytes.
//   dotnet Kestrel.dll unix:PATH | HOST:PORT
using System.Net;

var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
builder.Logging.ClearProviders();
var where = args[0];
builder.WebHost.ConfigureKestrel(kestrel =>
{
    if (where.StartsWith("unix:"))
    {
        File.Delete(where[5..]);
        kestrel.ListenUnixSocket(where[5..]);
    }
    else
    {
        kestrel.Listen(IPEndPoint.Parse(where));
    }
});
var app = builder.Build();
app.Run(context =>
{
    context.Response.ContentType = "text/plain";
    context.Response.ContentLength = 13;
    return context.Response.WriteAsync("Hello, World!");
});
app.Run();
