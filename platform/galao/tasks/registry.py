"""Tasks by name."""

from galao.config.job import Job
from galao.tasks.classify import Classify
from galao.tasks.task import Task


def build_task(job: Job) -> Task:
    """The task that the job names."""
    match job.task:
        case "classify":
            return Classify(job.solver.label_smoothing)
