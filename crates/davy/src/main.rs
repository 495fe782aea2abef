//! The binary: parse, run one command, map its end to an exit code.

use std::process::ExitCode;

use clap::Parser;
use davy::cli::{Cli, Command, LogFormat, SiteAction};
use davy::exit::{CommandError, exit_code};
use davy::{Settings, command};
use service::Shutdown;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = match cli.log_format {
        LogFormat::Text => service::LogFormat::Text,
        LogFormat::Json => service::LogFormat::Json,
    };
    // The embedded broker's own words come from ingest, with limits; those of the crate behind it would follow every stray byte.
    service::install_logs(&format!("mqtt5=error,mqtt5_protocol=error,{}", cli.log), format);
    exit_code(run(cli.command))
}

fn run(command: Command) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::unreachable)?;
    let result = runtime.block_on(dispatch(command));
    // What still runs was told to stop and had its time; a blocked thread must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    result
}

async fn dispatch(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Up(args) => {
            let settings = Settings::resolve(&args)?;
            Box::pin(davy::up(settings, shutdown_on_signal())).await
        }
        Command::Simulate(args) => Box::pin(command::simulate::run(&args, &shutdown_on_signal())).await,
        Command::Watch { server, json, start } => {
            Box::pin(command::watch::run(&server, json, &start, &shutdown_on_signal())).await
        }
        Command::Export(args) => Box::pin(command::export::run(&args, &shutdown_on_signal())).await,
        // The rest end by themselves, or by a signal as any program does.
        Command::Check { path } => command::check::run(&path),
        Command::Backtest(args) => command::backtest::run(&args),
        Command::Query(args) => Box::pin(command::query::run(&args)).await,
        Command::Site { action: SiteAction::Draft(args) } => Box::pin(command::site::run(&args)).await,
        Command::Alarm { action } => Box::pin(command::alarm::run(&action)).await,
        Command::Report(args) => Box::pin(command::report::run(&args)).await,
        Command::Warning { action } => Box::pin(command::warning::run(&action)).await,
        Command::Case { action } => Box::pin(command::case::run(&action)).await,
        Command::Incident { action } => Box::pin(command::incident::run(&action)).await,
        Command::Duty { action } => Box::pin(command::duty::run(&action)).await,
        Command::Journal { action } => command::journal::run(&action),
        Command::Migrate { store } => Box::pin(command::migrate::run(&store)).await,
        Command::MqttPassword => command::mqtt_password::run(),
    }
}

fn shutdown_on_signal() -> Shutdown {
    let shutdown = Shutdown::new();
    tokio::spawn(request_on_signal(shutdown.clone()));
    shutdown
}

/// Ctrl-C and SIGTERM ask for the same; the end of standard input asks for nothing.
async fn request_on_signal(shutdown: Shutdown) {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return tracing::error!("cannot listen for SIGTERM");
    };
    tokio::select! {
        // Both arms only wait.
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => {
            if let Err(error) = interrupted {
                return tracing::error!(%error, "cannot listen for Ctrl-C");
            }
        }
    }
    shutdown.request();
}
