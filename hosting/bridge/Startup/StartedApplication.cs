// What a start gives: the pipeline, who it is in a complaint, the Properties as the application has left them, and the program behind them if the
// application configured itself in its Main.

using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Owind.Startup;

namespace Owind.Hosting;

internal sealed record StartedApplication(
    Func<IDictionary<string, object>, Task> App, string Name, IDictionary<string, object> Properties, ProgramStartup? Program);
