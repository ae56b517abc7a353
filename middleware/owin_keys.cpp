#include "middleware/owin_keys.hpp"

namespace owind::middleware {
namespace {

constexpr auto kString = KeyKind::kBlockString;
constexpr auto kFlag = KeyKind::kBlockFlag;
constexpr auto kObj = KeyKind::kObject;
constexpr auto kApp = KeyKind::kApplication;
constexpr auto kProc = KeyKind::kProcess;
constexpr auto kNone = Slot::kCount;

constexpr OwinKey kKeys[] = {
    {"owin.RequestPath", "RequestPath", kString, Slot::kPath, true, "OWIN 1.0.1 §3.2.1, §5.3"},
    {"owin.ResponseHeaders", "ResponseHeaders", kObj, kNone, true, "OWIN 1.0.1 §3.2.2, §3.3"},
    {"owin.ResponseBody", "ResponseBody", kObj, kNone, true, "OWIN 1.0.1 §3.2.2, §3.5"},
    {"owin.RequestHeaders", "RequestHeaders", kObj, kNone, true, "OWIN 1.0.1 §3.2.1, §3.3"},
    {"owin.RequestMethod", "RequestMethod", kString, Slot::kMethod, true, "OWIN 1.0.1 §3.2.1"},
    {"owin.ResponseStatusCode", "ResponseStatusCode", kApp, kNone, false, "OWIN 1.0.1 §3.2.2"},
    {"owin.RequestBody", "RequestBody", kObj, kNone, true, "OWIN 1.0.1 §3.2.1, §3.4"},
    {"owin.RequestPathBase", "RequestPathBase", kString, Slot::kPathBase, true, "OWIN 1.0.1 §3.2.1, §5.3"},
    {"owin.RequestQueryString", "RequestQueryString", kString, Slot::kQueryString, true,
     "OWIN 1.0.1 §3.2.1, §5.5"},
    {"owin.RequestScheme", "RequestScheme", kString, Slot::kScheme, true, "OWIN 1.0.1 §3.2.1, §5.1"},
    {"owin.RequestProtocol", "RequestProtocol", kString, Slot::kProtocol, true, "OWIN 1.0.1 §3.2.1"},
    {"owin.CallCancelled", "CallCancelled", kObj, kNone, true, "OWIN 1.0.1 §3.2.3, §3.6"},
    {"owin.Version", "Version", kProc, kNone, true, "OWIN 1.0.1 §3.2.3, §7"},
    {"owin.RequestId", "RequestId", kString, Slot::kRequestId, false, "OWIN 1.0.1 §3.2.1"},
    {"owin.RequestUser", "RequestUser", kApp, kNone, false, "OWIN 1.0.1 §3.2.1"},
    {"owin.ResponseReasonPhrase", "ResponseReasonPhrase", kApp, kNone, false, "OWIN 1.0.1 §3.2.2"},
    {"owin.ResponseProtocol", "ResponseProtocol", kApp, kNone, false, "OWIN 1.0.1 §3.2.2"},
    {"server.OnSendingHeaders", "OnSendingHeaders", kObj, kNone, false, "CommonKeys §6"},
    {"server.RemoteIpAddress", "RemoteIpAddress", kString, Slot::kRemoteIp, false, "CommonKeys §6"},
    {"server.RemotePort", "RemotePort", kString, Slot::kRemotePort, false, "CommonKeys §6"},
    {"server.LocalIpAddress", "LocalIpAddress", kString, Slot::kLocalIp, false, "CommonKeys §6"},
    {"server.LocalPort", "LocalPort", kString, Slot::kLocalPort, false, "CommonKeys §6"},
    {"server.IsLocal", "IsLocal", kFlag, kNone, false, "CommonKeys §6"},
    {"server.Capabilities", "Capabilities", kProc, kNone, false, "CommonKeys §5"},
    {"server.User", "User", kApp, kNone, false, "Katana"},
    {"server.DisableRequestBuffering", "DisableRequestBuffering", kObj, kNone, false, "Katana"},
    {"server.DisableResponseBuffering", "DisableResponseBuffering", kObj, kNone, false, "Katana"},
    {"systemweb.DisableResponseCompression", "DisableResponseCompression", kObj, kNone, false, "Katana"},
    {"server.OnDispose", "OnDispose", kProc, kNone, false, "CommonKeys §5"},
    {"host.TraceOutput", "TraceOutput", kProc, kNone, false, "CommonKeys §4"},
    {"host.AppName", "AppName", kProc, kNone, false, "Katana"},
    {"host.AppMode", "AppMode", kProc, kNone, false, "Katana"},
    {"host.OnAppDisposing", "OnAppDisposing", kProc, kNone, false, "Katana"},
    {"ssl.ClientCertificate", "ClientCertificate", kObj, Slot::kClientCertificate, false, "CommonKeys §6"},
    {"ssl.LoadClientCertAsync", "LoadClientCertAsync", kObj, Slot::kClientCertificate, false, "Katana"},
    {"ssl.ClientCertificateErrors", "ClientCertificateErrors", kObj, Slot::kClientVerification, false, "Katana"},
    {"sendfile.SendAsync", "SendFileAsync", kObj, kNone, false, "SendFile 0.3.0"},
    {"owind.RawTarget", "RawTarget", kString, Slot::kRawTarget, false, "RFC 9112 §3.2"},
    {"fastcgi.Role", "FastCgiRole", kString, Slot::kGatewayRole, false, "FastCGI 1.0 §6"},
};

}  // namespace

std::span<const OwinKey> owin_keys() { return kKeys; }

}  // namespace owind::middleware
