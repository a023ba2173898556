//! Commands as operators see them: a counter by name and outcome, and a span of the trace.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tracing::Instrument;

use super::spec::CommandSpec;
use crate::idempotency::IdempotentResponse;
use crate::problem::Problem;

/// How many commands ran, by name and outcome. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct CommandCounts(Family<CommandLabels, Counter>);

/// The labels of one count.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CommandLabels {
    /// The command's name, `charge.sellers.freeze`.
    command: &'static str,
    /// `done`, `repeated` (answered from the first time), `refused` (by a rule) or `failed` (by us).
    outcome: &'static str,
}

impl CommandCounts {
    /// The family that the metrics page registers.
    #[must_use]
    pub fn family(&self) -> Family<CommandLabels, Counter> {
        self.0.clone()
    }

    /// Counts one run: whether its answer was that of an earlier request, or why it has none.
    pub fn count(&self, spec: &CommandSpec, replayed: Result<bool, &Problem>) {
        let outcome = match replayed {
            Ok(true) => "repeated",
            Ok(false) => "done",
            Err(problem) if (400..500).contains(&problem.code().status) => "refused",
            Err(_) => "failed",
        };
        self.0.get_or_create(&CommandLabels { command: spec.name, outcome }).inc();
    }

    /// Runs a command inside a span that carries its name, and counts how it ended.
    ///
    /// # Errors
    /// The command's.
    pub async fn observe(
        &self,
        spec: &'static CommandSpec,
        run: impl Future<Output = Result<IdempotentResponse, Problem>>,
    ) -> Result<IdempotentResponse, Problem> {
        let answer = run.instrument(tracing::info_span!("command", name = spec.name)).await;
        self.count(spec, answer.as_ref().map(|once| once.replayed));
        let code = answer.as_ref().err().map(|problem| problem.code().name);
        tracing::debug!(command = spec.name, code, "a command ended");
        answer
    }
}
