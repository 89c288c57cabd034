"""Pure: the templates that every installation has."""

from __future__ import annotations

from collections.abc import Mapping

from remediation.probes.templates import Example, Parameter, Template

# What every installation has: the audit table of the founding story, and the headroom of a pool.
SHIPPED: Mapping[str, Template] = {
    template.slug: template
    for template in (
        Template(
            slug="version-drift",
            title="Version drift",
            description="A program must say the version that was agreed.",
            kind="shell",
            pipeline=[["{program}", "{option}"]],
            expectation="match",
            pattern=r"(?:^|[^0-9.]){version}(?:$|[^0-9.])",
            parameters=[
                Parameter(
                    "program",
                    "Program",
                    "choice",
                    ("go", "python3", "node", "java", "ruby", "php"),
                    sample="python3",
                ),
                Parameter("option", "Option", "choice", ("version", "--version"), default="--version"),
                Parameter("version", "Version", "text", pattern=r"[0-9][\w.+-]{0,40}", sample="3.11.2"),
            ],
            examples=[Example("pass", "Python 3.11.2\n"), Example("fail", "Python 3.11.21\n")],
        ),
        Template(
            slug="module-drift",
            title="Module drift",
            description="The lock file that is deployed (go.sum, requirements.txt) must be the agreed one.",
            kind="shell",
            pipeline=[["sha256sum"]],
            reads="{file}",
            expectation="match",
            pattern="^{sha256} ",
            parameters=[
                Parameter(
                    "file",
                    "Lock file",
                    "path",
                    pattern=r".*/(?:go\.sum|go\.mod|requirements[\w.-]*\.txt|[\w.-]+[.-]lock(?:\.json|\.yaml)?)",
                    sample="/srv/order/go.sum",
                ),
                Parameter("sha256", "SHA-256", "text", pattern="[0-9a-f]{64}", sample="0123456789abcdef" * 4),
            ],
            examples=[
                Example("pass", "0123456789abcdef" * 4 + "  -\n"),
                Example("fail", "fedcba9876543210" * 4 + "  -\n"),
            ],
        ),
        Template(
            slug="runtime-variable",
            title="Runtime variable present",
            description="A running process must have the variable in its environment; no value is shown.",
            kind="shell",
            # Quiet, for what it read is full of secrets.
            pipeline=[["grep", "-z", "-q", "^{variable}="]],
            reads="/proc/{process}/environ",
            parameters=[
                Parameter("process", "Process", "process", sample="order"),
                Parameter(
                    "variable", "Variable", "text", pattern="[A-Za-z_][A-Za-z0-9_]{0,60}", sample="GODEBUG"
                ),
            ],
            examples=[Example("pass"), Example("fail", status=1), Example("error", status=2)],
        ),
        Template(
            slug="db-pool-headroom",
            title="DB pool headroom",
            description="A database must not hold more connections than agreed; asked within 3 s.",
            kind="prometheus",
            promql='max({__name__="{metric}", instance="{instance}"})',
            comparator="<=",
            threshold="{most}",
            timeout_seconds=3,
            parameters=[
                Parameter(
                    "metric",
                    "Metric",
                    "text",
                    pattern="[a-zA-Z_:][a-zA-Z0-9_:]{0,100}",
                    default="mysql_global_status_threads_connected",
                ),
                Parameter("instance", "Instance", sample="orders-db:9104"),
                Parameter("most", "Most connections", "number", default="180", least=0),
            ],
            examples=[Example("pass", "180"), Example("fail", "181")],
        ),
    )
}
