// What discovery found: the startup class, and the method in it ("" where nobody named one).

using System;

namespace Owind.Startup;

internal readonly record struct StartupMatch(Type Type, string MethodName);
