"""Scan what the layers of a network read: one report for each layer, with findings about the layer itself first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from datacheck.backends.interface import Reader, StoreOptions, records_of
from datacheck.caffe.net_sources import NetSource, net_sources
from datacheck.caffe.network import PHASES, Phase
from datacheck.caffe.prototxt import Prototxt, read_prototxt
from datacheck.checks.validators import Validator
from datacheck.conventions import NONE
from datacheck.errors import SourceUnknown, UsageError
from datacheck.files.guard import Guard
from datacheck.model.blocks import ignore
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace
from datacheck.model.settings import Bounds, Settings
from datacheck.netscan.label_fit import size_misfits
from datacheck.netscan.layer_checks import (
    Mean,
    check_layer,
    check_pairing,
    check_records,
    check_tops,
    demand,
    read_mean,
    row_shapes,
)
from datacheck.netscan.pair_order import first_keys, out_of_step
from datacheck.netscan.record_checks import FiniteInNet, FitsNet, LabelInNet, LayerView, PixelLabels, Probabilities
from datacheck.netscan.solver_nets import solver_sources
from datacheck.netscan.source_opening import Opened, Places, open_source, opened_twice
from datacheck.netscan.source_probe import probe_tops
from datacheck.reporting.files import Reports
from datacheck.reporting.finding_store import Findings, PackedFindings
from datacheck.reporting.report import Report
from datacheck.reporting.several import ScanReports
from datacheck.reporting.source import LayerSource, Source
from datacheck.reporting.tally import Tally
from datacheck.scanning.earlier.fingerprint import read_by
from datacheck.scanning.names import Names
from datacheck.scanning.profile.record_shapes import SourceSample, sample_source
from datacheck.scanning.run import Progress, run
from datacheck.scanning.scan import watching
from datacheck.scanning.settings.make_settings import make
from datacheck.workers.interface import MakeEngine

WantedPhase = Literal["TRAIN", "TEST", "all"]


@dataclass
class NetScan:
    """The scan of one layer, ready to run: `run` fills `report`, and `engine` makes the workers."""

    source: NetSource
    opened: Opened
    places: Places
    report: Report
    findings: list[Finding] = field(default_factory=list)
    validators: Sequence[Validator] = ()
    engine: MakeEngine | None = None
    names: Names | None = None
    partner: Opened | None = None

    def begin(self, files: Reports) -> Callable[[Collection[Finding]], None]:
        """Register the report with the report files; return the function to call with its findings."""
        return files.begin(self.report)

    def run(self, progress: Progress = ignore, listen: Callable[[Collection[Finding]], None] = ignore) -> None:
        """Scan into the report. Raises as `datacheck.scan` does."""
        try:
            view, findings = self._view()
        except BaseException:
            self.report.tally.complete = False
            raise
        for finding in [*self.opened.findings, *self.findings, *check_layer(self.source), *findings]:
            tally = Tally()
            tally.count([finding])
            listen(self.report.add(tally))
        names = Names(Settings()) if self.names is None else self.names
        if self.opened.reader is None:
            names.skip()
            self.report.source = msgspec.structs.replace(self.report.source, records=0)
            return
        amend = Amendment(view, self.source, bool(self.report.settings.together))
        run(
            self.report,
            self.opened.reader,
            validators=self.validators,
            view=view,
            amend=amend,
            progress=progress,
            listen=listen,
            engine=self.engine,
            names=names,
        )

    def reads(self) -> Iterator[Path]:
        """Yield every file that the scan reads: the network, the mean, and the files of its reader."""
        yield Path(self.source.net)
        if self.source.transform.mean_file:
            yield self.places.find(self.source.transform.mean_file)[0]
        yield self.opened.path
        if self.opened.reader is not None:
            yield from read_by(self.opened.reader)

    def _view(self) -> tuple[LayerView, list[Finding]]:
        """Examine the source; return what the layer demands of its records, and the findings about it as a whole."""
        reader = self.opened.reader
        backend = "" if reader is None else reader.backend
        source, settings = self.source, self.report.settings
        reads: tuple[str, ...] = ("data", "float_data", *(["label"] if len(source.tops) > 1 else []))
        checks: list[Validator] = []
        findings: list[Finding] = []
        if source.type == "HDF5Data":
            reads = source.tops
            if reader is not None:
                tops, findings = probe_tops(reader, self.opened.files, source.tops, settings, self.engine)
                top_findings = check_tops(source, self.opened.names, tops)
                findings += size_misfits(source, {}, row_shapes(source, tops))
                findings += [msgspec.structs.replace(finding, file=file) for file, finding in top_findings]
            self._drop_check("shape")
            checks += [FiniteInNet(), *self._probability_checks()]
        elif source.type == "AnnotatedData":
            self._drop_check("shape")  # the layer itself crops and resizes
            return LayerView(backend, None, (), True), []
        else:
            mean, findings = self._mean()
            if reader is not None:
                fits, sample_findings = self._fit_checks(mean)
                findings += sample_findings
                checks += [*fits, *self._probability_checks()]
        if source.classifier is not None and settings.labels is not None and self._drop_check("label"):
            checks.append(self._label_check(settings.labels))
        self.report.settings = msgspec.structs.replace(
            self.report.settings, validators=(*settings.validators, *map(repr, checks))
        )
        forced = _forced_channels(source) is not None
        regression = source.classifier is None and source.pixels is None
        return LayerView(backend, reads, tuple(checks), regression, forced), findings

    def _probability_checks(self) -> Iterator[Validator]:
        """Yield the check of the tops that a loss takes for probabilities."""
        field_names = self.source.tops if self.source.type == "HDF5Data" else ("", "label")
        fields = dict(zip(self.source.tops, field_names, strict=False))
        for layer in self.source.layers:
            top = layer.bottoms[1] if layer.type == "SigmoidCrossEntropyLoss" and len(layer.bottoms) > 1 else ""
            if fields.get(top):
                param = layer.message.loss_param
                yield Probabilities((fields[top],), int(param.ignore_label) if param.HasField("ignore_label") else None)

    def _drop_check(self, check: str) -> bool:
        """Leave a check out, since the layer's own check replaces it; return whether it was among the checks."""
        settings = self.report.settings
        checks = tuple(it for it in settings.checks if it != check)
        self.report.settings = msgspec.structs.replace(settings, checks=checks)
        return checks != settings.checks

    def _mean(self) -> tuple[Mean | None, list[Finding]]:
        name = self.source.transform.mean_file
        return read_mean(self.source, self.places.find(name)[0]) if name else (None, [])

    def _fit_checks(self, mean: Mean | None) -> tuple[list[Validator], list[Finding]]:
        source, settings = self.source, self.report.settings
        assert self.opened.reader is not None
        colour = _forced_channels(source)
        sample = sample_source(self.opened.reader, settings, colour, self.engine)
        findings = [*([sample.failed] if sample.failed else []), *check_records(source, sample, mean)]
        if self.partner is not None and self.partner.reader is not None and source.partner is not None:
            findings += self._pair_findings(self.partner.reader, source.partner, sample)
        elif sample.only is not None:
            findings += size_misfits(source, {source.name: sample.only})
        checks: list[Validator] = []
        if source.partner is not None:
            self._drop_check("constant")  # a label may be the same for every pixel
        if self._drop_check("shape"):
            usual = sample.usual if settings.shape is None else settings.shape
            usable_mean = mean if mean is not None and mean.shape == usual else None
            record_demand = demand(source, usual, usable_mean, source.batch_size or 1)
            checks.append(FitsNet(record_demand, colour))
        transform = source.transform
        checks.append(FiniteInNet(transform.scale, None if mean is None else mean.path, transform.mean_values))
        if source.pixels is not None and (sample.usual is None or sample.usual[:1] == (1,)):
            checks.append(PixelLabels(source.pixels.classes, source.pixels.ignored))
        return checks, findings

    def _pair_findings(self, partner: Reader, name: str, sample: SourceSample) -> Iterator[Finding]:
        """Yield how the records do not match those that the predictions come from."""
        settings, reader = self.report.settings, self.opened.reader
        assert reader is not None
        other = sample_source(partner, settings, None, self.engine)
        yield from check_pairing(self.source, sample.records, name, other.records)
        if sample.only is not None and other.only is not None and (self.source.pixels is None or sample.only[0] == 1):
            yield from size_misfits(self.source, {self.source.name: sample.only, name: other.only})
        ours, others = (first_keys(it, settings, self.engine) for it in (reader, partner))
        yield from out_of_step(ours, name, others)

    def _label_check(self, bounds: Bounds) -> Validator:
        assert self.source.classifier is not None
        low, high = (None if it is None else int(it) for it in (bounds.low, bounds.high))
        return LabelInNet(low, high, allow_nan=self.report.settings.allow_nan, ignored=self.source.classifier.ignored)


def _forced_channels(source: NetSource) -> int | None:
    if source.type == "ImageData":
        return 3 if source.pictures.is_color else 1
    if source.transform.force_color:
        return 3
    return 1 if source.transform.force_gray else None


@dataclass(frozen=True)
class Amendment:
    """A function that adds what Caffe would have done to findings that no worker has seen, and drops irrelevant ones.

    Rows of HDF5 datasets are compared by their tops, unless the caller says which belong `together`. The order of
    records is not reported if the layer does not keep it, or if nothing is trained in it.
    """

    view: LayerView
    source: NetSource
    together: bool = False

    def __call__(self, tally: Tally) -> Tally:
        if isinstance(tally.findings, PackedFindings):
            return tally  # packed by a worker, whose view has seen the findings
        findings = [self.view.with_behaviour(finding) for finding in tally.findings if not self._is_irrelevant(finding)]
        if [it.verdict for it in findings] == [it.verdict for it in tally.findings]:
            return replace(tally, findings=findings)
        result = replace(tally, findings=Findings(), codes=Counter(), verdicts=Counter())
        for finding in findings:
            result.count([finding])
        return result

    def _is_irrelevant(self, finding: Finding) -> bool:
        if finding.code == "row-count":
            return self.source.type == "HDF5Data" and "caffe" not in finding.details and not self.together
        return finding.code == "sorted" and (self.source.shuffle or "TRAIN" not in self.source.phases)


def prepare_net(
    net: str | Path | Prototxt,
    settings: Settings,
    *,
    phase: WantedPhase = "all",
    stages: Sequence[str] = (),
    root: str | Path | None,
) -> list[NetScan]:
    """Return the scans of the layers of a network that read records in the wanted phases; no record is read yet.

    Raises SourceMissing, SourceUnknown (PrototxtMalformed) or SourceUnreadable if there is no network to read, or if it
    reads nothing.
    """
    prototxt = net if isinstance(net, Prototxt) else read_prototxt(net)
    if settings.backend is not None:
        raise UsageError("the backend of each layer is the network's to say; leave the option away")
    if settings.like is not None:
        raise UsageError("--like is for stores: what a network reads is held to the network")
    if phase not in ("all", *PHASES):
        raise UsageError(f"the phase is {phase!r}; it must be TRAIN, TEST or all")
    phases: tuple[Phase, ...] = PHASES if phase == "all" else (phase,)
    if root is not None and not Path(root).is_dir():
        raise UsageError(f"{root}: is not a directory")
    places = Places(Path() if root is None else Path(root), Path(prototxt.path).parent)
    if prototxt.kind == "solver":
        sources = solver_sources(prototxt, places, phases, stages)
    else:
        sources = net_sources(prototxt, phases, stages)
    if not sources:
        where = "" if phase == "all" else f" in the phase {phase}"
        where += f" with the stages {', '.join(stages)}" if stages else ""
        raise SourceUnknown(prototxt.path, f"has no layer that reads data{where}")
    opened = [(source, open_source(source, places, _store_options(source, settings))) for source in sources]
    scans = [_net_scan(source, it, places, settings) for source, it in opened]
    by_name: dict[str, list[tuple[NetSource, Opened]]] = {}
    for source, it in opened:
        by_name.setdefault(source.name, []).append((source, it))
    for scan in scans:
        others = by_name.get(scan.source.partner or "", ())
        scan.partner = next((other for source, other in others if _is_partner(scan.source, source)), None)
    for number, finding in opened_twice(opened):
        scans[number].findings.append(finding)
    return scans


def _is_partner(source: NetSource, other: NetSource) -> bool:
    """Check whether the other layer is the partner of a layer, in a phase that both are in."""
    return other.name == source.partner and bool({*other.phases} & {*source.phases})


def _store_options(source: NetSource, settings: Settings) -> StoreOptions:
    label, conventions = settings.label_field or source.label, settings.conventions
    return StoreOptions(label, settings.together, records_of(conventions), heeded=NONE not in conventions)


def _net_scan(source: NetSource, opened: Opened, places: Places, settings: Settings) -> NetScan:
    classifier, mean = source.classifier, source.transform.mean_file
    layer = LayerSource(
        net=source.net,
        line=source.line,
        name=source.name,
        type=source.type,
        phases=source.phases,
        tops=source.tops,
        batch_size=source.batch_size,
        classes=None if classifier is None else classifier.classes,
        classifier=None if classifier is None else classifier.name,
        ignore_label=None if classifier is None else classifier.ignored,
        solver=source.solver,
        beside=opened.beside or (places.find(mean)[1] if mean else False),
    )
    labels = settings.labels
    size = settings.batch_size
    if classifier is not None:
        labels = labels or Bounds(0, classifier.classes - 1)
        size = size or source.batch_size or None
    decoder = {"HDF5Data": None, "AnnotatedData": "annotated-datum"}.get(source.type, "datum")
    layer_settings = msgspec.structs.replace(
        settings,
        labels=labels,
        batch_size=size,
        label_field=settings.label_field or source.label,
        decoder=settings.decoder or decoder,
    )
    backend = (
        opened.reader.backend
        if opened.reader is not None
        else source.backend or _BACKENDS.get(source.type, source.type)
    )
    path = str(opened.path) if source.path else source.net
    return NetScan(source, opened, places, Report(Source(path, backend), layer_settings, layer=layer))


_BACKENDS = {"HDF5Data": "hdf5", "ImageData": "image-list", "WindowData": "window-list"}
"""The backend of a layer type if the source is not opened; the type itself stands for any other."""


def scan_net(
    net: str | Path,
    *,
    phase: WantedPhase = "all",
    stages: Sequence[str] = (),
    root: str | Path | None = None,
    reports: Sequence[str | Path] = (),
    validators: Sequence[Validator] = (),
    progress: Progress | bool = False,
    **options: Any,
) -> ScanReports:
    """Check what each data layer of a Caffe network reads, as the network would get it; return a report for each.

    Parameters
    ----------
    net
        The network's prototxt.
    phase
        "TRAIN" or "TEST", to check only the layers of that phase.
    stages
        The stages that the network is built with; a solver adds its own.
    root
        The directory that the training is started in, which relative names in the network are relative to; by default
        the working directory. Files that are not there are looked up beside the prototxt.
    reports, validators, progress, options
        As for `datacheck.scan`. `labels` and `batch_size` default to those of the network.

    Returns
    -------
    sequence of Report
        One for each Data, HDF5Data and ImageData layer, in the prototxt's order; `report.layer` says which.

    Raises
    ------
    SourceMissing, SourceUnknown, SourceUnreadable
        There is no network to read. A source of the network that is not there is a finding.
    UsageError, ReportFailed
        As for `datacheck.scan`.
    """
    settings = make(validators=validators, **options)
    scans = prepare_net(net, settings, phase=phase, stages=stages, root=root)
    names = Names(settings, len(scans))
    for scan in scans:
        scan.validators, scan.names = validators, names
    paths = [str(net.path if isinstance(net, Prototxt) else net), *(scan.report.source.path for scan in scans)]
    guard = Guard(paths, lambda: (file for scan in scans for file in scan.reads()))
    with Reports(reports, guard) as files:
        files.planned = paths[1:]
        for scan in scans:
            with watching(progress, scan.report) as watch:
                scan.run(watch, scan.begin(files))
    return ScanReports([scan.report for scan in scans])
