"""Pieces for pipelines that end with status 0 for PASS and for nothing else.

`curl -s ... | jq '.status == "PASS"'` ends with 0 for FAIL, for 401 and for an empty answer; so each piece
here lets curl fail on an error status (`--fail`), stops at the first failure (`set -eu`) and compares the
word itself.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_AUDIT = """\
#!/bin/sh
# Ends with 0 only when the service stands at PASS today.
set -eu
answer=$(curl --fail --silent --show-error --max-time 30 \\
  --header "Authorization: Bearer $CLOSELOOP_TOKEN" \\
  "{url}/sre/audit?service={service}")
printf '%s\\n' "$answer"
test "$(printf '%s' "$answer" | jq -r .status)" = PASS
"""

_GATE = """\
#!/bin/sh
# closeloop-gate: ends with 0 only when the change names an archived postmortem that applies.
# Usage: closeloop-gate REPOSITORY TARGET_BRANCH CHANGE_ID TITLE BASE_COMMIT  (description on standard input)
set -eu
repository=$1 branch=$2 change=$3 title=$4 base=$5
description=$(cat)
log=$(git log --format='%x1e%H%n%B' "$base..HEAD")
answer=$(printf '%s' "$log" | jq --raw-input --slurp \\
    --arg repository "$repository" --arg branch "$branch" --arg change "$change" \\
    --arg title "$title" --arg description "$description" \\
    '{{repository: $repository, target_branch: $branch, change_id: $change, title: $title,
      description: $description, services: ["{service}"],
      commits: (split("\\u001e")[1:] | map(split("\\n") | {{sha: .[0], message: (.[1:] | join("\\n"))}}))}}' |
  curl --fail --silent --show-error --max-time 30 --request POST \\
    --header "Authorization: Bearer $CLOSELOOP_TOKEN" --header "Content-Type: application/json" \\
    --data-binary @- "{url}/api/v1/gate/changes")
printf '%s\\n' "$answer"
test "$(printf '%s' "$answer" | jq -r .status)" = PASS
"""

_GITLAB = """\
closeloop:
  stage: test
  image: alpine:3.22
  variables:
    GIT_DEPTH: 0  # the trailers of all commits of the merge request are read
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  before_script:
    - apk add --no-cache curl git jq
  script:
    - >
      printf '%s' "$CI_MERGE_REQUEST_DESCRIPTION" |
      sh ci/closeloop-gate "$CI_PROJECT_PATH" "$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"
      "!$CI_MERGE_REQUEST_IID" "$CI_MERGE_REQUEST_TITLE" "$CI_MERGE_REQUEST_DIFF_BASE_SHA"
  allow_failure: false
"""

_GITHUB = """\
name: closeloop
on: pull_request
permissions:
  contents: read
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0  # the trailers of all commits of the pull request are read
          ref: ${{ github.event.pull_request.head.sha }}
      - run: >
          printf '%s' "$BODY" |
          sh ci/closeloop-gate "$GITHUB_REPOSITORY" "$GITHUB_BASE_REF" "#$NUMBER" "$TITLE" "$BASE"
        env:
          CLOSELOOP_TOKEN: ${{ secrets.CLOSELOOP_TOKEN }}
          # As variables, never inside the command: a title could hold commands of its own.
          BODY: ${{ github.event.pull_request.body }}
          TITLE: ${{ github.event.pull_request.title }}
          NUMBER: ${{ github.event.pull_request.number }}
          BASE: ${{ github.event.pull_request.base.sha }}
"""


@dataclass(frozen=True)
class Snippet:
    """One piece to copy: where it goes, what it does, its text."""

    key: str
    title: str | Promise
    file: str
    text: str


def of(public_url: str, *, service: str) -> list[Snippet]:
    """The pieces for an installation at `public_url` (no slash at its end) and one service."""
    places = {"url": public_url, "service": service}
    return [
        Snippet("audit", _("Is the service in order today?"), "closeloop-audit", _AUDIT.format(**places)),
        Snippet(
            "gate", _("Does the change name its postmortem?"), "ci/closeloop-gate", _GATE.format(**places)
        ),
        Snippet("gitlab", _("GitLab CI: run the gate on merge requests"), ".gitlab-ci.yml", _GITLAB),
        Snippet(
            "github",
            _("GitHub Actions: run the gate on pull requests"),
            ".github/workflows/closeloop.yml",
            _GITHUB,
        ),
    ]
