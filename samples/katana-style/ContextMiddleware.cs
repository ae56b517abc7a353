using System.Threading.Tasks;

namespace KatanaStyle
{
    /// <summary>Middleware as a class: it gets the next one, and decides whether to call it.</summary>
    public abstract class ContextMiddleware
    {
        protected ContextMiddleware(ContextMiddleware next)
        {
            Next = next;
        }

        protected ContextMiddleware Next { get; }

        public abstract Task Invoke(Context context);
    }
}
