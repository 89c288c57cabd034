"""Pieces for pipelines that end with status 0 for PASS and for nothing else.

They stand as files in `clients/snippets/`, and again in the pages of `docs/ci/`; tests run both. Each one looks for
the last line of the client before it runs it: without `--location` curl is content with a redirect and writes an
empty file, and a shell or Python that runs an empty file ends with 0.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from governance.policy import names

FOLDER = settings.BASE_DIR / "clients" / "snippets"
_REPOSITORY = re.compile(r"[\w.~-]+(?:/[\w.~-]+)*", re.ASCII)


@dataclass(frozen=True)
class Product:
    """A CI product: the piece for it, where it goes, and what has to be set on that side.

    Attributes:
        file: the name of the piece in `clients/snippets/`.
        place: where the piece goes.
        secret: how the token gets there.
        rules: what has to be set so that the gate cannot be passed by, one sentence each.
    """

    key: str
    title: Any
    file: str
    place: Any
    secret: Any
    rules: tuple[Any, ...]

    @property
    def is_name(self) -> bool:
        """Whether the title is a name, which no language translates."""
        return isinstance(self.title, str)


PRODUCTS: dict[str, Product] = {
    product.key: product
    for product in (
        Product(
            "gitlab",
            "GitLab CI",
            "gitlab.yml",
            ".gitlab-ci.yml",
            _("Settings → CI/CD → Variables: CLOSELOOP_TOKEN, masked and hidden."),
            (
                _("Settings → Merge requests: “Pipelines must succeed” on, “Skipped pipelines are considered successful” off."),
                _("Keep allow_failure: false, and no rules: changes on these jobs: a job that is left out blocks nothing."),
                _("Whoever may edit .gitlab-ci.yml may remove the job: include it from a project of your own, or enforce it with a pipeline execution policy."),
                _("Protect the target branch: nobody may push to it or force-push."),
            ),
        ),
        Product(
            "github",
            "GitHub Actions",
            "github.yml",
            ".github/workflows/closeloop.yml",
            _("Settings → Secrets and variables → Actions: CLOSELOOP_TOKEN. Pull requests from forks do not get it, so they wait for somebody who pushes the branch."),
            (
                _("Settings → Rules: require the status check “change” for the target branch, and let nobody on the bypass list."),
                _("Do not add paths or branches filters under pull_request: a required workflow that is filtered out stays pending, a skipped job counts as passed."),
                _("Put .github/workflows under CODEOWNERS with required review, or require the workflow from another repository by an organisation ruleset."),
                _("With a merge queue, keep merge_group: it is asked again for what is really merged."),
            ),
        ),
        Product(
            "jenkins",
            "Jenkins",
            "jenkins.groovy",
            "Jenkinsfile",
            _("Credentials → secret text with the id closeloop-token, in the folder of the job."),
            (
                _("Multibranch: discover pull requests “merged with the target branch”, so that the target branch is there to compare with; no shallow clone."),
                _("The forge must require the build status of Jenkins for the target branch; Jenkins alone blocks no merge."),
                _("Let only trusted people change the Jenkinsfile, or keep the stage in a shared library that the folder loads."),
                _("Do not wrap the stage in catchError or currentBuild.result = 'SUCCESS'."),
            ),
        ),
        Product(
            "gitea",
            _("Gitea and Forgejo"),
            "gitea.yml",
            ".gitea/workflows/closeloop.yml",
            _("Repository settings → Actions → Secrets: CLOSELOOP_TOKEN."),
            (
                _("Branch protection: enable the status check and require “closeloop / change*”; block merges on rejected reviews as you like."),
                _("Branch protection: forbid direct pushes, and apply the rules to administrators too."),
                _("Name .gitea/workflows under protected file patterns, so that a pull request cannot change the job that judges it."),
            ),
        ),
        Product(
            "shell",
            pgettext_lazy("a product", "Plain shell"),
            "shell.sh",
            "closeloop-audit",
            _("CLOSELOOP_TOKEN, or CLOSELOOP_TOKEN_FILE with the path of a file that only this user reads."),
            (
                _("Whatever calls the script must stop when it ends with a status other than 0: set -e, no “|| true”, no pipe behind it."),
                _("It needs curl and awk; sh closeloop-gate.sh --help lists what can be asked."),
            ),
        ),
        Product(
            "git",
            _("Plain git, a hook on the server"),
            "plain-git.sh",
            "closeloop-install",
            _("The file /etc/closeloop/gate-token, readable by the user that git runs as and by nobody else."),
            (
                _("git config closeloop.branches \"main release/*\" guards several branches; without it the one that HEAD names is guarded."),
                _("git config receive.denyDeletes true: who deletes a guarded branch could push another one in its place."),
                _("Whoever can write into the bare repository's hooks or config can switch the gate off."),
            ),
        ),
    )
}  # fmt: skip


def is_repository(text: str) -> bool:
    """Whether the text may stand in a piece as the path of a repository: no quotes, no spaces, no commands."""
    is_plain = len(text) <= 200 and _REPOSITORY.fullmatch(text) is not None
    return is_plain and not names.fault_of_repository(text)


def of(product: Product, *, public_url: str, service: str, repository: str) -> str:
    """The piece of a product for an installation at `public_url` (no slash at its end)."""
    text = (FOLDER / product.file).read_text(encoding="utf-8")
    filled = {"@URL@": public_url, "@SERVICE@": service, "@REPOSITORY@": repository}
    return re.sub("|".join(filled), lambda match: filled[match[0]], text)
