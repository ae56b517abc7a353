// A program without any Startup class.
public static class Program
{
    public static void Main()
    {
    }
}
