// A Startup whose Configuration takes something else than the builder.
public static class Program
{
    public static void Main()
    {
    }
}

public class Startup
{
    public void Configuration(string app, int more)
    {
    }
}
