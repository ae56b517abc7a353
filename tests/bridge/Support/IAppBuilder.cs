// The interface of the Owin package, as an application that needs no package compiles it in.

using System;
using System.Collections.Generic;

namespace Owin;

public interface IAppBuilder
{
    IDictionary<string, object> Properties { get; }

    object Build(Type returnType);

    IAppBuilder New();

    IAppBuilder Use(object middleware, params object[] args);
}
