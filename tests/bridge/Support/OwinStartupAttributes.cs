// OwinStartupAttributes in several shapes: the loader knows them by name and property alone.

using System;

namespace Owind.Tests.Attributes
{
    [AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
    public sealed class OwinStartupAttribute : Attribute
    {
        public OwinStartupAttribute(Type? startupType)
        {
            StartupType = startupType;
        }

        public OwinStartupAttribute(string friendlyName, Type? startupType, string methodName)
        {
            FriendlyName = friendlyName;
            StartupType = startupType;
            MethodName = methodName;
        }

        public Type? StartupType { get; }

        public string FriendlyName { get; } = "";

        public string MethodName { get; } = "";
    }
}

namespace Owind.Tests.Attributes.Bare
{
    /// <summary>Without the optional properties.</summary>
    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class OwinStartupAttribute : Attribute
    {
        public OwinStartupAttribute(Type startupType)
        {
            StartupType = startupType;
        }

        public Type StartupType { get; }
    }
}

namespace Owind.Tests.Attributes.Misshapen
{
    /// <summary>Its StartupType is no Type.</summary>
    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class OwinStartupAttribute : Attribute
    {
        public OwinStartupAttribute(Type startupType)
        {
            StartupType = startupType.FullName!;
        }

        public string StartupType { get; }
    }
}

namespace Owind.Tests.Attributes.Throwing
{
    [AttributeUsage(AttributeTargets.Assembly)]
    public sealed class OwinStartupAttribute : Attribute
    {
        public OwinStartupAttribute(Type startupType)
        {
            throw new InvalidOperationException("no " + startupType.Name + " today");
        }
    }
}
