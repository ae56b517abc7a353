#include "server/dev/project_template.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace owind::dev {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 3> kNames = {"minimal", "middleware", "katana"};

constexpr std::string_view kProject = R"xml(<Project Sdk="Microsoft.NET.Sdk">

  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <OutputType>Library</OutputType>
    <GenerateRuntimeConfigurationFiles>true</GenerateRuntimeConfigurationFiles>
    <InvariantGlobalization>true</InvariantGlobalization>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
  </PropertyGroup>
{packages}
</Project>
)xml";

constexpr std::string_view kKatanaPackages = R"xml(
  <!-- Microsoft.Owin is built for the .NET Framework; its types load on .NET as they are. -->
  <PropertyGroup>
    <NoWarn>$(NoWarn);NU1701</NoWarn>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Microsoft.Owin" Version="4.2.3" />
  </ItemGroup>
)xml";

constexpr std::string_view kContract =
    R"cs(// The one type that an OWIN application shares with its host: Owin.IAppBuilder, as the package "Owin" 1.0 defines it.
// A host matches it by its full name, so this file is all that is needed. An application that references a package
// with Owin.dll uses that one and leaves this file out.
namespace Owin;

/// <summary>Where a Startup class puts its middleware together.</summary>
public interface IAppBuilder
{
    /// <summary>What the host offers (host.AppName, host.OnAppDisposing, server.Capabilities …); mutable.</summary>
    IDictionary<string, object> Properties { get; }

    /// <summary>Builds the pipeline that Use put together.</summary>
    object Build(Type returnType);

    /// <summary>A builder for a branch: the same Properties, no middleware yet.</summary>
    IAppBuilder New();

    /// <summary>Adds one middleware behind those that are there: a delegate, a type or an instance.</summary>
    IAppBuilder Use(object middleware, params object[] args);
}
)cs";

constexpr std::string_view kIgnore = "bin/\nobj/\n";

constexpr std::string_view kMinimal = R"cs(using System.Text;
using Owin;
using AppFunc = System.Func<System.Collections.Generic.IDictionary<string, object>, System.Threading.Tasks.Task>;

/// <summary>Found by its name. Configuration is called once, when the server starts.</summary>
public class Startup
{
    public void Configuration(IAppBuilder app)
    {
        app.Use(new Func<AppFunc, AppFunc>(next => Hello));
    }

    /// <summary>Answers every request. The environment holds the request and takes the response (owin.org).</summary>
    private static async Task Hello(IDictionary<string, object> environment)
    {
        var path = (string)environment["owin.RequestPath"];
        var headers = (IDictionary<string, string[]>)environment["owin.ResponseHeaders"];
        headers["Content-Type"] = ["text/html; charset=utf-8"];

        var body = (Stream)environment["owin.ResponseBody"];
        await body.WriteAsync(Encoding.UTF8.GetBytes($$"""
            <!DOCTYPE html>
            <html lang="en">
            <head><title>{name}</title>
            <style>:root { color-scheme: light dark } body { font: 1.25rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }</style></head>
            <body>
            <h1>Hello from {name}</h1>
            <p>You asked for <code>{{System.Net.WebUtility.HtmlEncode(path)}}</code>.
            Change <code>Startup.cs</code> and save it: this page follows.</p>
            </body>
            </html>
            """));
    }
}
)cs";

constexpr std::string_view kMiddlewareStartup = R"cs(using Owin;

/// <summary>Found by its name. Configuration is called once, when the server starts; requests go through the middleware in
/// this order.</summary>
public class Startup
{
    public void Configuration(IAppBuilder app)
    {
        app.Use(typeof(ResponseTime));
        app.Use(typeof(Routes), new Dictionary<string, Func<string>>
        {
            ["/"] = () => "<h1>Hello from {name}</h1><p>There is <a href=\"/time\">the time</a>, too.</p>",
            ["/time"] = () => $"<h1>{DateTime.Now:T}</h1><p><a href=\"/\">Back</a></p>",
        });
    }
}
)cs";

constexpr std::string_view kResponseTime = R"cs(using System.Diagnostics;
using AppFunc = System.Func<System.Collections.Generic.IDictionary<string, object>, System.Threading.Tasks.Task>;

/// <summary>A middleware: it is given the next one, and called for each request. This one says in a header how long the
/// others took.</summary>
public class ResponseTime(AppFunc next)
{
    public Task Invoke(IDictionary<string, object> environment)
    {
        var watch = Stopwatch.StartNew();
        var onSendingHeaders = (Action<Action<object>, object>)environment["server.OnSendingHeaders"];
        onSendingHeaders(
            state => ((IDictionary<string, string[]>)state)["Server-Timing"] =
                [FormattableString.Invariant($"app;dur={watch.Elapsed.TotalMilliseconds:0.000}")],
            environment["owin.ResponseHeaders"]);
        return next(environment);
    }
}
)cs";

constexpr std::string_view kRoutes = R"cs(using System.Text;
using AppFunc = System.Func<System.Collections.Generic.IDictionary<string, object>, System.Threading.Tasks.Task>;

/// <summary>Answers the paths that it knows, and calls on for the others; what nobody answers is a 404.</summary>
public class Routes(AppFunc next, Dictionary<string, Func<string>> pages)
{
    public async Task Invoke(IDictionary<string, object> environment)
    {
        if (!pages.TryGetValue((string)environment["owin.RequestPath"], out var page))
        {
            await next(environment);
            return;
        }

        var headers = (IDictionary<string, string[]>)environment["owin.ResponseHeaders"];
        headers["Content-Type"] = ["text/html; charset=utf-8"];
        var body = (Stream)environment["owin.ResponseBody"];
        await body.WriteAsync(Encoding.UTF8.GetBytes(
            "<!DOCTYPE html><html lang=\"en\"><title>{name}</title><style>:root { color-scheme: light dark } body { font: 1.25rem/1.6 system-ui, sans-serif; " +
            "max-width: 40rem; margin: 15vh auto; padding: 0 1rem }</style>" + page()));
    }
}
)cs";

constexpr std::string_view kKatana = R"cs(using Microsoft.Owin;
using Owin;

[assembly: OwinStartup(typeof(Startup))]

/// <summary>Named by the attribute above. Configuration is called once, when the server starts.</summary>
public class Startup
{
    public void Configuration(IAppBuilder app)
    {
        app.Use(async (context, next) =>
        {
            context.Response.Headers["X-Powered-By"] = "Katana on owind";
            await next();
        });

        app.Run(async context =>
        {
            context.Response.ContentType = "text/html; charset=utf-8";
            await context.Response.WriteAsync($$"""
                <!DOCTYPE html>
                <html lang="en">
                <head><title>{name}</title>
                <style>:root { color-scheme: light dark } body { font: 1.25rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }</style></head>
                <body>
                <h1>Hello from {name}</h1>
                <p>You asked for <code>{{System.Net.WebUtility.HtmlEncode(context.Request.Path.Value)}}</code>.</p>
                </body>
                </html>
                """);
        });
    }
}
)cs";

std::string fill(std::string_view text, std::string_view mark, std::string_view value) {
  std::string out;
  while (true) {
    const std::size_t at = text.find(mark);
    out.append(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    out.append(value);
    text.remove_prefix(at + mark.size());
  }
}

}  // namespace

std::span<const std::string_view> template_names() { return kNames; }

std::vector<TemplateFile> template_files(std::string_view which, std::string_view name) {
  const auto named = [&](std::string_view text) { return fill(text, "{name}", name); };
  const bool katana = which == "katana";
  std::vector<TemplateFile> files{
      {std::string(name) + ".csproj", fill(kProject, "{packages}", katana ? kKatanaPackages : "")},
      {".gitignore", std::string(kIgnore)}};
  if (katana) {
    files.push_back({"Startup.cs", named(kKatana)});
    return files;
  }
  files.push_back({"IAppBuilder.cs", std::string(kContract)});
  if (which == "middleware") {
    files.push_back({"Startup.cs", named(kMiddlewareStartup)});
    files.push_back({"ResponseTime.cs", std::string(kResponseTime)});
    files.push_back({"Routes.cs", named(kRoutes)});
  } else {
    files.push_back({"Startup.cs", named(kMinimal)});
  }
  return files;
}

bool is_project_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && name.size() <= 100 && letter(name.front()) && name.back() != '.' &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
         });
}

void write_project(const fs::path& parent, std::string_view name, std::string_view which) {
  const fs::path folder = parent / name;
  std::error_code error;
  if (fs::exists(fs::symlink_status(folder, error)) && !fs::is_directory(folder, error))
    throw std::invalid_argument("there is a file " + folder.string() +
                                "; the folder of the project needs the name");
  if (fs::exists(folder, error) && !(fs::is_directory(folder, error) && fs::is_empty(folder, error)))
    throw std::invalid_argument(folder.string() + " exists and is not an empty folder");
  fs::create_directories(folder, error);
  if (error) throw std::system_error(error, "cannot make the folder " + folder.string());
  for (const TemplateFile& file : template_files(which, name)) {
    std::ofstream out(folder / file.name, std::ios::binary);
    out << file.text;
    if (!out.flush())
      throw std::system_error(errno, std::generic_category(),
                              "cannot write " + (folder / file.name).string());
  }
}

}  // namespace owind::dev
