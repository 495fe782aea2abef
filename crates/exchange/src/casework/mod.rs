//! Joint cases, incidents and duty books: a desk that says what is due of them and what departments ask, and the calls that it answers.

mod check;
mod check_incident;
mod clerk;
mod convert;
mod convert_incident;
mod duty;
mod lists;
mod serve;

use std::sync::Arc;

use casework::{Ask, Casework};
use desk::{Counter, DeskRunner, Standing};
use journal::Journal;
use model::Time;
use service::{Latch, Shutdown};
use wire::Failure;
use wire::v1::case_service_server::CaseServiceServer;
use wire::v1::duty_service_server::DutyServiceServer;

use crate::{Config, ExchangeError};
use clerk::{Answer, CaseworkClerk};
pub use serve::{CaseApi, DutyApi};

/// What casework needs.
pub struct CaseworkParts {
    /// Where events come from, and where Davy's own go.
    pub journal: Arc<dyn Journal>,
    /// Held until everything recorded is known.
    pub latch: Latch,
    /// Settings.
    pub config: Config,
}

/// The services for a gRPC server, and the loop that keeps what they are answered from.
pub fn casework_services(parts: CaseworkParts) -> (CaseServiceServer<CaseApi>, DutyServiceServer<DutyApi>, CaseworkRunner) {
    let CaseworkParts { journal, latch, config } = parts;
    let (counter, runner) = desk::desk(Arc::clone(&journal), latch, config.desk(), CaseworkClerk::default);
    let api = Arc::new(Api { journal, counter });
    let cases = CaseServiceServer::new(CaseApi(Arc::clone(&api)));
    (cases, DutyServiceServer::new(DutyApi(api)), CaseworkRunner(runner))
}

/// The loop of casework.
pub struct CaseworkRunner(DeskRunner<CaseworkClerk>);

impl CaseworkRunner {
    /// Runs until shutdown.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), ExchangeError> {
        self.0.run(&shutdown).await.map_err(ExchangeError::Journal)
    }
}

/// What calls are answered from.
struct Api {
    journal: Arc<dyn Journal>,
    counter: Counter<CaseworkClerk>,
}

impl Api {
    fn now(&self) -> Time {
        self.journal.now()
    }

    /// Waits until the outcome is on record.
    async fn ask(&self, ask: Ask) -> Result<Answer, Failure> {
        self.counter.ask(ask).await
    }

    /// Everything that was durable at the call is in the answer.
    async fn read<T>(&self, read: impl FnOnce(&Casework, Standing) -> T + Send) -> Result<T, Failure> {
        self.counter.read(|clerk, standing| read(&clerk.casework, standing)).await
    }
}
