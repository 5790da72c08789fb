"""Airflow's page "Required Actions" asks a person whether a held school may be shown its list.

The waiting task holds no worker. It belongs to a pipeline of its own, so the night has ended and
the next one may begin whether or not somebody answers.
"""

# Airflow's decorators and bases carry no types here.
# mypy: disable-error-code="untyped-decorator, misc"

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, task

from wraparound.contracts.district import load_district
from wraparound.orchestration import approvals, nights
from wraparound.orchestration.tasks import PATIENT, discreet
from wraparound.settings import load_settings

REASON = "reason"
ASK = "ask"
# States of a task out of which only a person takes it.
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


@task(**PATIENT)
@discreet
def find_held(ti: Any = None) -> list[dict[str, Any]]:
    """One question for each school that the newest release holds, unless another run asks it."""
    asked = asked_by_others(ti)
    return [
        {
            "subject": question.subject,
            "body": question.body,
            "options": [question.allow, approvals.KEEP],
        }
        for question in approvals.open_questions(nights.warehouse())
        if question.allow not in asked
    ]


def asked_by_others(ti: Any) -> set[str]:
    """The words that would lift a hold, of the questions that wait in other runs.

    A night that is given again finds the same holds. Were each asked anew, whoever answers would
    find old copies beside it, and the runs that may wait at once would be used up.
    """
    words: set[str] = set()
    for run_id, states in ti.get_task_states(dag_id=ti.dag_id, task_ids=[ASK]).items():
        waiting = {name for name, state in states.items() if state not in ENDED}
        if run_id != ti.run_id and waiting:
            found = ti.xcom_pull(task_ids=ti.task_id, run_id=run_id) or []
            # Of a run that has just found its questions Airflow knows one task, without a number.
            words |= {
                question["options"][0]
                for number, question in enumerate(found)
                if waiting & {ASK, f"{ASK}_{number}"}
            }
    return words


class HoldQuestion(HITLOperator):
    """Ask about one school; an answer is recorded and done by the same task.

    Airflow's own approval skips what follows where it is rejected, so what follows is in here:
    each school is decided by itself, when somebody gets to it.
    """

    # Nothing in a question is a template, whatever a school is called.
    template_fields: ClassVar[tuple[str, ...]] = ()

    def validate_params_input(self, params_input: Mapping[str, Any]) -> None:
        """Leave the reason to `lift`: Airflow would fail a silence for having none."""

    def execute_complete(self, context: Any, event: dict[str, Any]) -> str:
        """Do what was answered; silence keeps the school held.

        Returns: what became of it, in a word.
        """
        answer = super().execute_complete(context=context, event=event)
        return _done(answer)


@discreet
def _done(answer: Mapping[str, Any]) -> str:
    [chosen] = answer["chosen_options"]
    by = approvals.answered_by(answer)
    if chosen == approvals.KEEP or not by:
        return approvals.KEPT
    reason = str((answer["params_input"] or {}).get(REASON) or "")
    return approvals.lift(nights.warehouse(), allow=chosen, by=by, reason=reason)


def ask_persons(questions: Any) -> Any:
    """A task for each question, which waits for its answer as long as the district file says."""
    hours = load_district(load_settings().district_file).approval_hours
    return HoldQuestion.partial(
        task_id=ASK,
        defaults=[approvals.KEEP],
        response_timeout=timedelta(hours=hours),
        params={
            REASON: Param(
                None,
                type=["null", "string"],
                maxLength=200,
                title="Reason",
                description="Why the list may be shown all the same. No child's name.",
            )
        },
        **PATIENT,
    ).expand_kwargs(questions)
