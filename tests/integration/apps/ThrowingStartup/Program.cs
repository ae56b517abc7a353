// A Startup that fails while it puts the pipeline together.
using System;
using Owin;

public static class Program
{
    public static void Main()
    {
    }
}

public class Startup
{
    public void Configuration(IAppBuilder app) => throw new InvalidOperationException("the settings are missing");
}
