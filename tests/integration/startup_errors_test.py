"""What cannot start says what was sought, where, and what to do; it ends with an exit code and without a stack dump."""
import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from harness import places
from harness.case import Case


class StartupErrorsTest(Case):
    def refuse(self, app, *options, env=None, traces=("   at ",)):
        """Starts, expects it to end with an error, and returns what it said. `traces` are marks of a stack dump."""
        owind = self.launch(app, *options, env=env)
        code = owind.wait(30)
        text = owind.log()
        self.assertGreater(code, 0, text)
        self.assertLess(code, 128, text)
        self.assertTrue(text.strip())
        for trace in (*traces, "terminate called", "core dumped", "Unhandled exception", "Aborted"):
            self.assertNotIn(trace, text)
        self.assertNotIn("ready", text)
        self.assertLess(len(text.splitlines()), 25, text)
        return text

    def copy(self, app):
        """A copy of an application's folder, to be spoilt."""
        folder = Path(tempfile.mkdtemp(dir=self.folder)) / "app"
        shutil.copytree(app.parent, folder)
        return folder / app.name

    def test_a_missing_assembly(self):
        text = self.refuse(self.folder / "NoSuch.dll")
        self.assertIn("NoSuch.dll", text)

    def test_a_folder_in_place_of_an_assembly(self):
        self.assertIn(str(self.folder), self.refuse(self.folder))

    def test_a_file_that_is_no_assembly(self):
        path = self.folder / "Text.dll"
        path.write_text("this is no assembly\n" * 100)
        self.assertIn("Text.dll", self.refuse(path))

    def test_an_empty_file(self):
        path = self.folder / "Empty.dll"
        path.write_bytes(b"")
        self.assertIn("Empty.dll", self.refuse(path))

    def test_a_native_library(self):
        path = self.folder / "Native.dll"
        shutil.copy(os.path.realpath("/lib/x86_64-linux-gnu/libc.so.6"), path)
        self.assertIn("Native.dll", self.refuse(path))

    def test_a_truncated_assembly(self):
        app = self.copy(places.HELLO)
        app.write_bytes(app.read_bytes()[:1500])
        self.assertIn("Hello.dll", self.refuse(app))

    def test_no_startup(self):
        text = self.refuse(places.test_app("NoStartup"))
        self.assertIn("Startup", text)
        self.assertIn("NoStartup", text)

    def test_two_startups(self):
        text = self.refuse(places.test_app("TwoStartups"))
        self.assertIn("conflicts", text)

    def test_two_startups_are_no_error_when_one_is_named(self):
        owind = self.start(places.test_app("TwoStartups"), "--startup", "TwoStartups.Startup")
        self.assertTrue(owind.is_running())

    def test_a_wrong_signature(self):
        text = self.refuse(places.test_app("WrongSignature"))
        self.assertIn("does not have the expected signature", text)

    def test_a_startup_that_is_not_there(self):
        self.assertIn("No.Such.Type", self.refuse(places.HELLO, "--startup", "No.Such.Type"))

    def test_a_startup_that_throws(self):
        """The application's own frames say where; those of reflection and of the host say nothing."""
        text = self.refuse(places.test_app("ThrowingStartup"), traces=("System.Reflection", "   at Owind."))
        self.assertIn("the settings are missing", text)
        self.assertIn("Startup.Configuration", text)
        self.assertNotIn("TargetInvocationException", text)

    def test_no_runtime_where_the_variable_points(self):
        empty = Path(tempfile.mkdtemp(dir=self.folder))
        text = self.refuse(places.HELLO, env={"DOTNET_ROOT": str(empty), "PATH": "/nowhere"})
        self.assertIn(str(empty), text)
        self.assertIn("DOTNET_ROOT", text)

    def without(self, *libraries):
        """A folder that is searched first, in which these libraries are no libraries: the loader finds them there, and
        looks no further."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for name in libraries:
            (folder / name).touch()
        return {"LD_LIBRARY_PATH": str(folder)}

    def test_no_libicu(self):
        """The runtime itself would abort."""
        versions = [f"{major}{part}" for major in range(50, 91) for part in ("", ".1", ".2", ".3", ".4", ".5")]
        env = self.without(*(f"lib{name}.so.{version}" for name in ("icuuc", "icui18n") for version in versions))
        text = self.refuse(places.HELLO, env={"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "0", **env})
        self.assertIn("libicu", text)
        self.assertIn("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", text)
        self.assertLess(len(text.splitlines()), 8, text)

    def test_no_libicu_is_no_error_for_who_does_without(self):
        env = self.without("libicuuc.so.72", "libicui18n.so.72")
        self.start(places.HELLO, env={"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", **env})

    def test_no_libssl(self):
        """The runtime would abort at the first use of cryptography."""
        text = self.refuse(places.HELLO, env=self.without("libssl.so.3", "libssl.so.1.1", "libssl.so.10", "libssl.so.1.0.2",
                                                          "libssl.so.1.0.0", "libssl.so"))
        self.assertIn("libssl", text)
        self.assertLess(len(text.splitlines()), 8, text)

    def test_a_framework_version_that_is_not_installed(self):
        app = self.copy(places.HELLO)
        config = app.with_suffix(".runtimeconfig.json")
        settings = json.loads(config.read_text())
        settings["runtimeOptions"]["framework"]["version"] = "99.0.0"
        config.write_text(json.dumps(settings))
        text = self.refuse(app)
        self.assertIn("99.0.0", text)
        self.assertIn("Microsoft.NETCore.App", text)

    def test_a_runtime_configuration_that_is_no_json(self):
        app = self.copy(places.HELLO)
        app.with_suffix(".runtimeconfig.json").write_text("{ broken")
        self.assertIn("Hello.runtimeconfig.json", self.refuse(app))


if __name__ == "__main__":
    unittest.main()
