// Two classes that the convention would accept: it is not for the server to choose.
using Owin;

public static class Program
{
    public static void Main()
    {
    }
}

public class Startup
{
    public void Configuration(IAppBuilder app)
    {
    }
}

namespace TwoStartups
{
    public class Startup
    {
        public void Configuration(IAppBuilder app)
        {
        }
    }
}
