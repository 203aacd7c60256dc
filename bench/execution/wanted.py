"""Which runs are asked for: names of a suite, of models, tasks and seeds become resolved specs."""

import fnmatch
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from bench.execution.plan import check_known, choose, parse_seeds
from bench.records import RunSpec
from bench.runner import Registry, resolve
from bench.suites import Suite, all_suites
from bench.suites.setting import Setting
from bench.tasks import Task


class Unusable(Exception):
    """Something asked for that this machine or folder cannot give, in one sentence."""


def find_suite(name: str, plugins: Sequence[Path]) -> Suite:
    """The suite of that name."""
    known = all_suites(plugins).entries
    check_known("suite", name, known)
    return known[name]


def suite_specs(
    name: str,
    suite: Suite,
    registry: Registry,
    models: str | None,
    tasks: str | None,
    seeds: str | None,
) -> tuple[list[RunSpec], dict[str, int]]:
    """The resolved runs of a suite, narrowed to what the user named, and by run_id how many like it
    may share a launch.

    Settings that differ for the listed models alone ask the same run of another: it comes once. So
    does one whose seed the user named and that two settings ask for, one of them without a look at
    its gradients.
    """
    known = list(dict.fromkeys(setting.task for setting in suite.settings))
    wanted = choose("task", tasks, known)
    named = None if models is None else named_models(models, suite, registry)
    specs: dict[str, RunSpec] = {}
    own: set[str] = set()
    at_once = {}
    for setting in suite.settings:
        if setting.task not in wanted:
            continue
        check_known("task", setting.task, registry.tasks.entries)
        axis = make_task(setting.task, setting.task_args, registry).axis
        offered = setting.models if named is None else models_of(suite, setting, named)
        for model in offered:
            check_known("model", model, registry.models.entries)
        fitting = [model for model in offered if registry.models.entries[model].axis == axis]
        numbers = parse_seeds(seeds) if seeds else setting.seeds or suite.seeds
        found = [resolve(s, registry) for s in setting.specs(name, fitting, numbers)]
        specs |= {s.run_id: s for s in found}
        own |= {s.run_id for s in found if s.seed in (setting.seeds or suite.seeds)}
        at_once |= {s.run_id: 1 if suite.timed else setting.at_once(s.model) for s in found}
    if not specs:
        raise Unusable(f"nothing to run: no task of suite {name!r} takes these models")
    kept = once_each(specs.values(), own)
    return kept, {spec.run_id: at_once[spec.run_id] for spec in kept}


def once_each(specs: Iterable[RunSpec], own: Container[str]) -> list[RunSpec]:
    """Of runs that differ only in what is looked at those that are the suite's `own`, or else the
    one that is looked at most: to train twice is no second seed."""
    alike: dict[str, list[RunSpec]] = {}
    for spec in specs:
        alike.setdefault(spec.without_looks().run_id, []).append(spec)
    kept = []
    for same in alike.values():
        looked_at = max(same, key=lambda spec: len(spec.gradients_at) + len(spec.diagnostics))
        kept += [spec for spec in same if spec.run_id in own] or [looked_at]
    return kept


def named_models(models: str, suite: Suite, registry: Registry) -> list[str]:
    """The models of a comma-separated list of names and globs: of those that the suite lists, or,
    where a part of the list is none of them, of all."""
    listed = list(dict.fromkeys(model for s in suite.settings for model in s.models))
    parts = [part.strip() for part in models.split(",") if part.strip()]
    known = list(registry.models.entries)
    found = [fnmatch.filter(listed, part) or choose("model", part, known) for part in parts]
    return list(dict.fromkeys(chain(*found)))


def models_of(suite: Suite, setting: Setting, named: Sequence[str]) -> list[str]:
    """The named models that this setting lists, and those that no setting of its task does: a model
    of the user's own runs in all of them."""
    listed = {model for s in suite.settings if s.task == setting.task for model in s.models}
    return [model for model in named if model in setting.models or model not in listed]


def make_task(name: str, task_args: Mapping[str, Any], registry: Registry) -> Task:
    """The task; arguments that it does not take raise Unusable."""
    try:
        return registry.tasks.entries[name](**task_args)
    except (TypeError, ValueError) as error:
        raise Unusable(f"task {name!r} cannot be made with {dict(task_args)}: {error}") from None
