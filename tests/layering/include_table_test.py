"""Every #include of the tree stands in the table of docs/architecture.md ("Who may include whom"), which is repeated here.

A room is a folder; a room may include itself, the rooms of its row, and the outside headers of its row. The longest
matching folder decides, so server/protocol/http has a row of its own.
"""
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.M)

STANDARD = set("""algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes
climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint
cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list fstream functional
future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex
new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex
source_location span sstream stack stdexcept stop_token streambuf string string_view syncstream system_error thread tuple
type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
stdint.h stddef.h""".split())
# POSIX without sockets, and the sockets.
POSIX = re.compile(r"^(stdlib|unistd|fcntl|signal|pthread|sched|poll|pwd|grp|dirent|limits|errno|time|spawn|elf|link|libgen|fnmatch|glob|"
                   r"sys/(types|stat|time|resource|wait|mman|uio|eventfd|signalfd|timerfd|epoll|syscall|prctl|sysinfo|"
                   r"inotify|sysmacros|auxv|utsname|file|random|statvfs|vfs)|linux/\w+)\.h$")
SOCKETS = re.compile(r"^(sys/(socket|un|ioctl|sendfile)|netinet/\w+|arpa/inet|netdb|net/\w+|ifaddrs)\.h$")
ASIO = re.compile(r"^boost/(asio|system)(/|\.hpp)")
JSON = re.compile(r"^nlohmann/")
LOG = re.compile(r"^(spdlog|fmt)/")
CLI = re.compile(r"^CLI/")
DL = re.compile(r"^dlfcn\.h$")
LLHTTP = re.compile(r"^llhttp\.h$")

# room → (rooms that it may include besides itself, outside headers besides the C++ standard library)
SHOWN = ["server/config", "server/observe", "server/runner", "server/exchange", "server/protocol", "server/io",
         "server/process", "server/protocol/http", "server/dev", "hosting", "middleware", "fastcgi"]
TABLE = {
    "fastcgi": ([], []),
    "middleware": ([], []),
    "hosting": (["middleware"], [POSIX, DL]),
    "server/runner": ([], [POSIX]),
    "server/protocol": (["fastcgi", "middleware"], []),
    "server/protocol/http": (["server/protocol", "fastcgi", "middleware"], [LLHTTP]),
    "server/exchange": (["server/runner", "server/protocol", "middleware"], []),
    "server/io": (["server/exchange", "server/protocol", "server/runner", "middleware"], [POSIX, SOCKETS, ASIO]),
    "server/process": (["server/io"], [POSIX, SOCKETS, ASIO]),
    "middleware/builtin": (["middleware"], []),
    "server/dev": (["server/config", "server/process", "server/io"], [POSIX, SOCKETS]),
    "server/config": (SHOWN, [POSIX, SOCKETS, JSON]),
    "server/observe": (SHOWN, [POSIX, JSON, LOG]),
    "server/cli": (SHOWN, [POSIX, JSON, CLI]),
}
# Single files with a right of their own.
FILES = {
    "middleware/builtin/open_file.cpp": [POSIX],
    "hosting/runtime_config.cpp": [JSON],
}


def sources():
    """The C++ of the product: tracked files and new ones that are not ignored."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in listed if re.search(r"\.(cpp|hpp|h|c)$", name) and (ROOT / name).exists() and
                  not name.startswith(("tests/", "build/")) and name != "server/main.cpp")


def room_of(path, rooms):
    matching = [room for room in rooms if path.startswith(room + "/")]
    return max(matching, key=len) if matching else None


def violations(name, text, table=None, files=None):
    """What the include lines of one file break, as sentences."""
    table, files = table or TABLE, files or FILES
    room, found = room_of(name, table), []
    if room is None:
        return [f"{name}: in no room"]
    rooms, outside = table[room]
    allowed = {room, *rooms}
    for ours, theirs in INCLUDE.findall(text):
        if ours:
            target = room_of(ours, table)
            if target is None:
                found.append(f'{name}: "{ours}" is in no room (includes are relative to the root of the repository)')
            elif target not in allowed:
                found.append(f'{name}: {room} may not include {target} ("{ours}")')
        elif theirs not in STANDARD and not any(p.match(theirs) for p in outside + files.get(name, [])):
            found.append(f"{name}: {room} may not include <{theirs}>")
    return found


class IncludeTableTest(unittest.TestCase):
    def test_every_include_is_in_the_table(self):
        names = sources()
        self.assertTrue(names)
        found = [line for name in names for line in violations(name, (ROOT / name).read_text())]
        if found:
            self.fail("\n" + "\n".join(found))

    def test_the_check_sees_what_is_forbidden(self):
        self.assertTrue(violations("fastcgi/x.hpp", '#include "middleware/token.hpp"'))
        self.assertTrue(violations("fastcgi/x.hpp", "#include <unistd.h>"))
        self.assertTrue(violations("server/runner/x.cpp", "#include <sys/socket.h>"))
        self.assertTrue(violations("hosting/x.cpp", "#include <nlohmann/json.hpp>"))
        self.assertTrue(violations("server/io/x.cpp", '#include "hosting/clr_runtime.hpp"'))
        self.assertFalse(violations("hosting/runtime_config.cpp", "#include <nlohmann/json.hpp>"))
        self.assertFalse(violations("server/io/x.cpp", '#include <boost/asio.hpp>\n#include "server/runner/call.hpp"'))


if __name__ == "__main__":
    unittest.main()
