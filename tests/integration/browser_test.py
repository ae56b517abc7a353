"""What a newcomer sees in a browser, from an empty folder on. Pictures of it are in build/results/browser."""
import os
import re
import unittest

from harness import places
from harness.case import Case
from harness.chromium import Chromium
from harness.dev import BUILD_SECONDS, Dev
from harness.waiting import until

PICTURES = places.ROOT / "build/results/browser"


class BrowserTest(Case):
    def picture(self, name):
        for scheme in ("light", "dark"):
            self.browser.colours(scheme)
            self.browser.screenshot(PICTURES / f"{name}-{scheme}.png")

    def test_the_three_commands_and_what_follows(self):
        self.browser = Chromium(self.folder)
        self.addCleanup(self.browser.stop)
        empty = self.folder / "empty"
        empty.mkdir()
        dev = Dev(empty / "hello", command=["env", "-C", empty, "bash", "-c", "owind new hello && cd hello && exec owind dev"],
                  env={"PATH": f"{places.OWIND.parent}:{os.environ['PATH']}"})
        self.own.append(dev)
        self.addCleanup(dev.stop)
        browser = self.browser
        url = until(lambda: re.search(r"http://127\.0\.0\.1:\d+", dev.log()), "the address in the terminal").group(0)
        browser.go(url + "/some/page?q=1")
        until(browser.text, "a page")
        if "Building hello" in browser.text():  # not on a machine that builds faster than it shows a page
            self.picture("building")

        # From here on nobody touches the browser: pages follow.
        browser.wait_for_text("Hello from hello", BUILD_SECONDS)
        browser.wait_for_text("/some/page")
        self.picture("first")

        dev.edit("Startup.cs", "Hello from hello", "Hello again")
        browser.wait_for_text("Hello again", BUILD_SECONDS)
        self.assertIn("/some/page", browser.text())

        dev.edit("Startup.cs", "var headers = (", "var headers == (")
        browser.wait_for_text("hello does not build", BUILD_SECONDS)
        self.assertIn("CS", browser.text())
        self.assertIn("var headers == (", browser.text())
        self.assertIn("Startup.cs:", browser.text())
        self.picture("compiler")

        dev.edit("Startup.cs", "var headers == (", "var headers = (")
        dev.edit("Startup.cs", "    private static async Task Hello(", """    private static string Greeting(string path)
    {
        try
        {
            return new Dictionary<string, string> { ["/"] = "Hello" }[path];
        }
        catch (KeyNotFoundException problem)
        {
            throw new InvalidOperationException($"<No> greeting for {path}", problem);
        }
    }

    private static async Task Hello(""")
        dev.edit("Startup.cs", "var path = (string)environment[\"owin.RequestPath\"];",
                 "var path = Greeting((string)environment[\"owin.RequestPath\"]);")
        browser.evaluate("document.cookie = 'theme=<b>dark</b>'")
        browser.wait_for_text("<No> greeting for /some/page", BUILD_SECONDS)
        text = browser.text()
        self.assertIn("InvalidOperationException", text)
        self.assertIn("KeyNotFoundException", text)
        self.assertIn("throw new InvalidOperationException($", text)
        self.assertIn("<b>dark</b>", text)
        self.assertIn("owin.RequestPath", text)
        self.picture("exception")

        dev.edit("Startup.cs", "<No> greeting", "Still no greeting")
        browser.wait_for_text("Still no greeting", BUILD_SECONDS)
        dev.edit("Startup.cs", "app.Use(", 'if (app.Properties.Count > 0) throw new Exception("There is no database."); app.Use(')
        browser.wait_for_text("hello did not start", BUILD_SECONDS)
        self.assertIn("There is no database.", browser.text())
        self.picture("start")
        dev.edit("Startup.cs", 'if (app.Properties.Count > 0) throw new Exception("There is no database."); app.Use(', "app.Use(")
        dev.edit("Startup.cs", "Greeting((string)environment[\"owin.RequestPath\"])", "(string)environment[\"owin.RequestPath\"]")
        browser.wait_for_text("Hello again", BUILD_SECONDS)


if __name__ == "__main__":
    unittest.main()
