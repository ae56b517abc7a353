using System;

namespace KatanaStyle
{
    /// <summary>Names the startup class of an assembly, and the method in it. A host knows such an attribute by its name
    /// and its properties alone, wherever it is defined.</summary>
    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class OwinStartupAttribute : Attribute
    {
        public OwinStartupAttribute(Type startupType, string methodName)
        {
            StartupType = startupType;
            MethodName = methodName;
        }

        public Type StartupType { get; }

        public string MethodName { get; }

        /// <summary>With several attributes: what --startup or owin:AppStartup chooses one by.</summary>
        public string FriendlyName { get; } = "";
    }
}
