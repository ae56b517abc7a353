using Owin;

namespace Hello
{
    /// <summary>Found by its name: a class Startup in the namespace of the assembly (or in none).</summary>
    public sealed class Startup
    {
        public void Configuration(IAppBuilder app)
        {
            app.Use(new HelloModule());
        }
    }
}
