// Hello: the smallest OWIN application. It is a console program, as OWIN applications often are that host themselves;
// owind does not run Main: it looks for the class Startup and calls Configuration.
//
//     owind serve Hello.dll --listen fcgi://unix:/tmp/hello.sock
//
// Startup.cs puts the pipeline together, HelloModule.cs answers.
using System;

namespace Hello
{
    public static class Program
    {
        public static int Main()
        {
            Console.Error.WriteLine("This program answers requests when a server hosts it: owind serve Hello.dll");
            return 1;
        }
    }
}
