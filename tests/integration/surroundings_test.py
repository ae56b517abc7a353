"""What an application of .NET Framework expects around it: entry assembly, dependencies, configuration, missing parts."""
import shutil
import tempfile
import unittest
from pathlib import Path

from harness import fastcgi, places
from harness.case import Case

WEB_CONFIG = """<?xml version="1.0"?>
<configuration>
  <appSettings><add key="greeting" value="from web.config" /></appSettings>
  <system.web><compilation debug="true" /></system.web>
  <runtime><assemblyBinding xmlns="urn:schemas-microsoft-com:asm.v1"><dependentAssembly>
    <assemblyIdentity name="Some.Library" /><bindingRedirect oldVersion="0.0.0.0-6.0.0.0" newVersion="6.0.0.0" />
  </dependentAssembly></assemblyBinding></runtime>
</configuration>
"""


class SurroundingsTest(Case):
    def application(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder)) / "app"
        shutil.copytree(places.test_app("Surroundings").parent, folder)
        return folder / "Surroundings.dll"

    def test_entry_assembly_and_dependencies_are_the_applications(self):
        app = self.application()
        body = fastcgi.ask(self.start(app).endpoint).body.decode()
        self.assertIn("entry: Surroundings\n", body)
        self.assertIn(f"base: {app.parent}/\n", body)
        self.assertIn(f"dependencies: {app.parent}/Surroundings.deps.json\n", body)
        self.assertIn("setting: none\n", body)

    def test_settings_of_a_web_config_are_read_by_configuration_manager(self):
        app = self.application()
        (app.parent / "web.config").write_text(WEB_CONFIG)
        owind = self.start(app, "--log-level", "debug")
        body = fastcgi.ask(owind.endpoint).body.decode()
        if (places.BUILD / "bridge/compatibility").exists():
            self.assertIn("setting: from web.config\n", body)
        else:
            owind.wait_for_log("asks for System.Configuration.ConfigurationManager")
        owind.wait_for_log("binding redirect of web.config: Some.Library 0.0.0.0-6.0.0.0 to 6.0.0.0: ignored")

    def test_relative_folders_are_below_where_the_server_was_started_wherever_the_application_goes(self):
        www = self.folder / "www"
        www.mkdir()
        (www / "page.html").write_text("page")
        owind = self.start(self.application(), "--data-protection", "../keys", "--static", "/files=../www")
        self.assertEqual(b"page", fastcgi.ask(owind.endpoint, uri="/files/page.html").body)
        self.assertEqual(200, fastcgi.ask(owind.endpoint, uri="/protect").status)
        self.assertTrue(list((self.folder / "keys").glob("*.key")))

    def test_names_that_differ_in_case_are_explained(self):
        app = self.application()
        shutil.copy(app, app.parent / "surroundings.dll")
        self.start(app).wait_for_log("are the same assembly to .NET")


if __name__ == "__main__":
    unittest.main()
