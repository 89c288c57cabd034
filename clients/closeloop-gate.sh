#!/bin/sh
# Ask the Closeloop gate from CI, where there is no Python. Needs a POSIX shell, curl, awk and git (git: only for
# `change`).
#
#   closeloop-gate.sh change                    may this change be merged?
#   closeloop-gate.sh audit --service order     does this service keep its promises?
#
# Exit status: 0 go on, 1 stop, 2 could not ask (bad usage, no answer, or an answer that cannot be trusted).
# It is 0 only for the verdict PASS, or when the answer says that the repository's mode does not block.
# The token comes from CLOSELOOP_TOKEN or from the file that CLOSELOOP_TOKEN_FILE names, never from the command
# line, and it is sent to one address only: a redirect is not followed.

# Whoever traces the shell must not print the token.
{ set +x; } 2>/dev/null
set -u
export LC_ALL=C

VERSION=1.0.0
DEFAULT_URL='' # filled in by the instance that serves this file

usage() {
  cat <<'END'
usage: closeloop-gate.sh change|audit [options]
  --url URL               the instance (CLOSELOOP_URL)
  --deadline SECONDS      for everything together, default 60 (CLOSELOOP_DEADLINE)
  --fail-open             end with 0 instead of 2 when the instance fails (CLOSELOOP_FAIL_OPEN=1);
                          CLOSELOOP_FAIL_OPEN=always: also for mistakes of this pipeline
  --format text|json      what goes to standard output; json: the answer as it came
audit:
  --service NAME          its name in Closeloop (CLOSELOOP_SERVICE)
  --date YYYY-MM-DD       as of the end of this day, default today
change:
  --repository PATH       as Closeloop knows it, for example shop/order (CLOSELOOP_REPOSITORY)
  --branch NAME           the branch that the change goes to
  --change-id ID          for example !42
  --title TEXT
  --description-file FILE - reads standard input
  --label NAME            may be repeated
  --service NAME          that the change touches; may be repeated (CLOSELOOP_SERVICES, with commas)
  --base COMMIT           the commit before the change; zeros: what no ref holds yet
  --head COMMIT           the last commit of the change
  --commits git|none      none: send no commits
The token comes from CLOSELOOP_TOKEN or the file named in CLOSELOOP_TOKEN_FILE.
Exit status: 0 go on, 1 stop, 2 could not ask.
END
}

# Reads JSON and prints each value as PATH, a tab, its text; with raw=1 the text as JSON writes it. Strict: what
# is no JSON, or says one thing twice, ends with status 1.
PARSER='
function bad() { failed = 1; exit 1 }
function skip() { if (match(s, /^[ \t\r\n]+/)) s = substr(s, RLENGTH + 1) }
function token(   t) {
  skip()
  if (match(s, /^"([^"\\]|\\.)*"/) || match(s, /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) ||
      match(s, /^(true|false|null)/) || match(s, /^[][{}:,]/)) {
    t = substr(s, 1, RLENGTH); s = substr(s, RLENGTH + 1); return t
  }
  bad()
}
function text(t,   out, c, code, low) {
  if (substr(t, 1, 1) != "\"") return t
  t = substr(t, 2, length(t) - 2)
  if (t ~ /[\001-\037]/) bad()
  out = ""
  while (match(t, /\\/)) {
    out = out substr(t, 1, RSTART - 1); c = substr(t, RSTART + 1, 1); t = substr(t, RSTART + 2)
    if (c == "u") {
      code = hex(substr(t, 1, 4)); t = substr(t, 5)
      if (code >= 55296 && code < 56320 && substr(t, 1, 2) == "\\u") {
        low = hex(substr(t, 3, 4))
        if (low >= 56320 && low < 57344) { code = 65536 + (code - 55296) * 1024 + low - 56320; t = substr(t, 7) }
      }
      out = out utf8(code)
    } else if (index("nrtbf", c)) out = out " "
    else if (index("\"\\/", c)) out = out c
    else bad()
  }
  return out t
}
function hex(h,   i, n) {
  if (h !~ /^[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]$/) bad()
  n = 0
  for (i = 1; i <= 4; i++) n = n * 16 + index("0123456789abcdef", tolower(substr(h, i, 1))) - 1
  return n
}
function utf8(n) {
  if (n < 32 || n == 127) return " "
  if (n < 128) return sprintf("%c", n)
  if (n >= 55296 && n < 57344) return "?"
  if (n < 2048) return byte[192 + int(n / 64)] byte[128 + n % 64]
  if (n < 65536) return byte[224 + int(n / 4096)] byte[128 + int(n / 64) % 64] byte[128 + n % 64]
  return byte[240 + int(n / 262144)] byte[128 + int(n / 4096) % 64] byte[128 + int(n / 64) % 64] byte[128 + n % 64]
}
function value(path, depth,   t, name, n) {
  if (depth > 60) bad()
  if (path !~ /\?/ && (path in seen)) bad()
  seen[path] = 1
  t = token()
  if (t == "{") {
    skip()
    if (substr(s, 1, 1) == "}") { token(); return }
    do {
      name = token()
      if (substr(name, 1, 1) != "\"" || token() != ":") bad()
      name = text(name)
      value(path "." (name ~ /^[A-Za-z0-9_-]+$/ ? name : "?"), depth + 1)
      t = token()
    } while (t == ",")
    if (t != "}") bad()
  } else if (t == "[") {
    skip()
    if (substr(s, 1, 1) == "]") { token(); return }
    n = 0
    do { value(path "." n++, depth + 1); t = token() } while (t == ",")
    if (t != "]") bad()
  } else if (t ~ /^[]:,}]/) bad()
  else { name = text(t); found = found path "\t" (raw ? t : name) "\n" }
}
{ s = s $0 "\n" }
END {
  if (failed) exit 1
  for (i = 128; i < 256; i++) byte[i] = sprintf("%c", i)
  value("", 0); skip()
  if (s != "") bad()
  printf "%s", found
}'

# Turns text into the inside of a JSON string; what is no UTF-8 becomes U+FFFD. With kind=list each line is a string
# of its own; with kind=commits it reads the log of `change` and prints the list of commits.
ENCODER='
function good(t, i,   a, n, k, c) {
  # How many bytes the character at i has; 0 when there is none.
  a = ord[substr(t, i, 1)]
  if (a < 128) return 1
  n = a < 194 ? 0 : a < 224 ? 2 : a < 240 ? 3 : a < 245 ? 4 : 0
  for (k = 1; k < n; k++) {
    c = ord[substr(t, i + k, 1)]
    if (c < 128 || c > 191) return 0
    if (k == 1 && ((a == 224 && c < 160) || (a == 237 && c > 159) || (a == 240 && c < 144) || (a == 244 && c > 143)))
      return 0
  }
  return n
}
function quoted(t,   out, i, n, c) {
  if (t !~ /[^ -~]/ && !index(t, "\"") && !index(t, "\\")) return t
  out = ""
  for (i = 1; i <= length(t); i += n) {
    c = substr(t, i, 1)
    n = good(t, i)
    if (n == 0) { out = out "\\ufffd"; n = 1 }
    else if (n > 1) out = out substr(t, i, n)
    else if (c == "\"" || c == "\\") out = out "\\" c
    else if (ord[c] < 32 || ord[c] == 127) out = out sprintf("\\u%04x", ord[c])
    else out = out c
  }
  return out
}
BEGIN {
  for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i
  ord[""] = 0
  mark = sprintf("%c", 30)
}
kind == "list" { printf "%s\"%s\"", (count++ ? "," : ""), quoted($0); next }
kind == "commits" && substr($0, 1, 1) == mark && substr($0, 2) ~ /^[0-9a-f]+$/ && length($0) > 40 && length($0) < 66 {
  if (count++) printf "\"},"
  printf "{\"sha\":\"%s\",\"message\":\"", substr($0, 2)
  next
}
kind != "commits" || count { printf "%s\\n", quoted($0) }
END { if (kind == "commits" && count) printf "\"}" }'

note() { printf 'closeloop: %s\n' "$(plain "$1")" >&2; }

# One line of a text: no control characters, no token, no commands to the CI product.
plain() {
  printf '%s' "$1" | tr '\000-\037\177' ' ' |
    sed -e 's/clp_[0-9A-Za-z]*\.[0-9A-Za-z_-]*/clp_(hidden)/g' -e 's/##\[/# #[/g' -e 's/##vso\[/# #vso[/g'
}

# cannot MISTAKE|OUTAGE TEXT: there is no verdict.
cannot() {
  printf 'closeloop: NOT ASKED: %s\n' "$(plain "$2")" >&2
  case "$fail_open:$1" in
    always:* | outage:OUTAGE)
      echo "closeloop: ############################################################" >&2
      echo "closeloop: NO VERDICT. This goes on only because fail-open is set." >&2
      echo "closeloop: ############################################################" >&2
      exit 0
      ;;
  esac
  exit 2
}

json_text() { printf '%s\n' "$1" | awk "$ENCODER" | sed 's/\\n$//'; }

# json_list LINES: a JSON list of their texts.
json_list() { printf '[%s]' "$(printf '%s\n' "$1" | sed '/^$/d' | awk -v kind=list "$ENCODER")"; }

# of FILE PATH: the value there, or nothing.
of() { awk -F '\t' -v path="$2" '$1 == path { print substr($0, length(path) + 2); exit }' "$1"; }

next_step() {
  case $1 in
    POSTMORTEM_NOT_NAMED) echo "Add a line 'Postmortem: PM-YYYY-NNNN' as a trailer of a commit or to the description." ;;
    PM_UNKNOWN) echo "Correct the id: there is no such postmortem." ;;
    PM_NOT_ARCHIVED) echo "Finish and archive that review, or name another postmortem." ;;
    PM_NOT_APPLICABLE) echo "Name a postmortem that shares a service with this change." ;;
    PM_OVERUSED) echo "Name the postmortem that this change really follows from." ;;
    FROZEN) echo "Get the overdue P0 item verified, or ask for a waiver." ;;
    SERVICES_UNKNOWN) echo "Say its services, or have an administrator enter this repository at a service." ;;
    REVIEW_OVERDUE) echo "Finish the four steps of the review and archive it." ;;
    POSTMORTEM_MISSING) echo "Start the review of this incident." ;;
    ITEM_OVERDUE) echo "Make the fix and claim it; its checks then verify it." ;;
    ITEM_REGRESSED) echo "Reopen the item, repair the fix and claim it again." ;;
    ITEM_OWNERLESS) echo "Hand the item over to somebody who is active." ;;
    CHECK_STALE) echo "Find out why its check neither passes nor fails: data source, query or worker." ;;
    WAIVER_EXPIRED) echo "Do what the waiver put off, or ask for another one." ;;
    *) echo "Open the decision and follow what it says." ;;
  esac
}

is_zeros() { case $1 in *[!0]*) return 1 ;; esac }

# event PATH: a text of the event file, decoded; event_raw PATH: as JSON writes it.
event() {
  [ -f "$dir/event" ] || {
    { [ -n "${GITHUB_EVENT_PATH:-}" ] && awk "$PARSER" "$GITHUB_EVENT_PATH" >"$dir/event" 2>/dev/null &&
      awk -v raw=1 "$PARSER" "$GITHUB_EVENT_PATH" >"$dir/event.raw"; } ||
      cannot MISTAKE "The event file of this run cannot be read."
  }
  of "$dir/event" "$1" | sed 's/^null$//'
}
event_raw() { of "$dir/event.raw" "$1" | sed 's/^null$/""/'; }

# pushed REPOSITORY BRANCH BEFORE AFTER DEFAULT_BRANCH TITLE: a pipeline of a push.
pushed() {
  ci_repository=$1 ci_branch=$2 ci_base=$3 ci_head=$4 ci_change=$4 ci_title=$6
  if is_zeros "$ci_base"; then
    ci_base=
    [ -z "$5" ] || [ "$5" = "$2" ] || ci_base=refs/remotes/origin/$5
  fi
}

# path_of ADDRESS: the path in the address of a git server, or in a path.
path_of() {
  path=$(printf '%s' "$1" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//')
  case $path in
    *://*) path=${path#*://} && path=${path#*/} ;;
    *:*) path=${path#*:} ;;
  esac
  path=${path#/} && path=${path%/}
  printf '%s' "${path%.git}"
}

# The change as the CI product describes it.
describe() {
  ci_repository='' ci_branch='' ci_change='' ci_title='' ci_description='' ci_description_json='' ci_labels=''
  ci_base='' ci_head='' are_labels_known=''
  if [ "${GITLAB_CI:-}" = true ]; then
    if [ -n "${CI_MERGE_REQUEST_IID:-}" ]; then
      # A merge request from a fork runs in the fork; the change is made to the other project.
      ci_repository=${CI_MERGE_REQUEST_PROJECT_PATH:-${CI_PROJECT_PATH:-}}
      ci_branch=${CI_MERGE_REQUEST_TARGET_BRANCH_NAME:-}
      ci_change=!$CI_MERGE_REQUEST_IID
      ci_title=${CI_MERGE_REQUEST_TITLE:-}
      ci_description=${CI_MERGE_REQUEST_DESCRIPTION:-}
      ci_labels=$(printf '%s' "${CI_MERGE_REQUEST_LABELS:-}" | tr , '\n') are_labels_known=1
      ci_base=${CI_MERGE_REQUEST_DIFF_BASE_SHA:-}
      ci_head=${CI_MERGE_REQUEST_SOURCE_BRANCH_SHA:-${CI_COMMIT_SHA:-}}
      [ "${CI_MERGE_REQUEST_DESCRIPTION_IS_TRUNCATED:-}" != true ] ||
        note "GitLab cut the description short. Name the postmortem near its top, or in a commit."
    else
      pushed "${CI_PROJECT_PATH:-}" "${CI_COMMIT_BRANCH:-}" "${CI_COMMIT_BEFORE_SHA:-}" "${CI_COMMIT_SHA:-}" \
        "${CI_DEFAULT_BRANCH:-}" "${CI_COMMIT_TITLE:-}"
    fi
  elif [ "${GITHUB_ACTIONS:-}" = true ] || [ "${GITEA_ACTIONS:-}" = true ] || [ "${FORGEJO_ACTIONS:-}" = true ]; then
    # In this shell, not in one of its own: a refusal must end all of it.
    event .ref >/dev/null
    number=$(event .pull_request.number)
    if [ -n "$number" ]; then
      ci_repository=$(event .repository.full_name)
      ci_branch=$(event .pull_request.base.ref)
      ci_change=#$number
      ci_title=$(event .pull_request.title)
      ci_description_json=$(event_raw .pull_request.body)
      ci_base=$(event .pull_request.base.sha)
      ci_head=$(event .pull_request.head.sha)
      place=0 are_labels_known=1
      while name=$(event ".pull_request.labels.$place.name") && [ -n "$name" ]; do
        ci_labels="$ci_labels
$name"
        place=$((place + 1))
      done
    elif [ -n "$(event .merge_group.head_sha)" ]; then
      ci_repository=$(event .repository.full_name)
      ci_branch=$(event .merge_group.base_ref)
      ci_branch=${ci_branch#refs/heads/}
      ci_head=$(event .merge_group.head_sha)
      ci_base=$(event .merge_group.base_sha)
      ci_change=$(event .merge_group.head_ref | sed -n 's,.*/pr-\([0-9][0-9]*\)-.*,#\1,p')
      ci_change=${ci_change:-$ci_head}
    else
      name=$(event .ref)
      pushed "$(event .repository.full_name)" "${name#refs/heads/}" "$(event .before)" "$(event .after)" \
        "$(event .repository.default_branch)" ""
    fi
    ci_repository=${ci_repository:-${GITHUB_REPOSITORY:-}}
  elif [ -n "${JENKINS_URL:-}" ]; then
    name=$(path_of "${GIT_URL:-${GIT_URL_1:-}}")
    if [ -n "${CHANGE_ID:-}" ]; then
      ci_repository=$name ci_branch=${CHANGE_TARGET:-} ci_change=#$CHANGE_ID ci_title=${CHANGE_TITLE:-}
      ci_base=refs/remotes/origin/${CHANGE_TARGET:-}
    else
      ci_branch=${BRANCH_NAME:-${GIT_BRANCH:-}}
      pushed "$name" "${ci_branch#origin/}" "${GIT_PREVIOUS_SUCCESSFUL_COMMIT:-${GIT_PREVIOUS_COMMIT:-}}" \
        "${GIT_COMMIT:-}" "" ""
    fi
  fi
}

# commit NAME: its full id.
commit() {
  case $1 in
    -*) return 1 ;;
    *) git rev-parse --quiet --verify "$1^{commit}" 2>/dev/null ;;
  esac
}

# The commits of the change in $dir/commits, its paths in $dir/paths.
read_git() {
  : >"$dir/paths"
  command -v git >/dev/null 2>&1 || cannot MISTAKE "git cannot be run."
  shallow=$(git rev-parse --is-shallow-repository 2>"$dir/said") || cannot MISTAKE "git failed: $(cat "$dir/said")"
  [ "$shallow" != true ] || cannot MISTAKE "The clone is shallow, so not all commits are here. Fetch all of them\
 (GitLab: GIT_DEPTH: 0; GitHub: fetch-depth: 0; otherwise: git fetch --unshallow), or say --commits none."
  last=$(commit "$head") || cannot MISTAKE "The commit $head is not in this clone."
  if is_zeros "$base"; then
    set -- "$last" --not --all
  else
    first=$(commit "$base") ||
      cannot MISTAKE "The commit $base is not in this clone. Fetch the target branch first."
    set -- "$last" "^$first"
    # A file that was moved has two paths. Without -z git would put odd names into quotes.
    git diff --no-renames --name-only -z "$first...$last" -- 2>/dev/null | tr '\000' '\n' >"$dir/paths"
  fi
  git -c log.showSignature=false log --reverse --no-color --no-notes --encoding=UTF-8 --format='%x1e%H%n%B' "$@" -- \
    >"$dir/log" 2>"$dir/said" || cannot MISTAKE "git log failed: $(cat "$dir/said")"
  [ -n "$change" ] || change=$last
  [ -n "$title" ] || title=$(git log -1 --format=%s "$last" --)
  awk -v kind=commits "$ENCODER" "$dir/log" >"$dir/commits"
}

# The question about a change in $dir/body.
write_body() {
  {
    printf '{"repository":"%s"' "$(json_text "$repository")"
    printf ',"target_branch":"%s"' "$(json_text "$branch")"
    printf ',"change_id":"%s"' "$(json_text "$change")"
    printf ',"title":"%s"' "$(json_text "$(printf '%s' "$title" | awk '{ print substr($0, 1, 290); exit }')")"
    if [ -n "$description_json" ]; then
      printf ',"description":%s' "$description_json"
    else
      printf ',"description":"%s"' "$(json_text "$description")"
    fi
    printf ',"commits":[%s]' "$(cat "$dir/commits")"
    printf ',"services":%s' "$(json_list "$services")"
    # That there are none is something else than that nobody knows.
    [ -z "$labels$are_labels_known" ] || printf ',"labels":%s' "$(json_list "$labels")"
    [ ! -s "$dir/paths" ] || [ "$(wc -l <"$dir/paths")" -gt 20000 ] ||
      printf ',"paths":%s' "$(json_list "$(cat "$dir/paths")")"
    printf '}'
  } >"$dir/body"
  [ "$(wc -c <"$dir/body")" -le 1000000 ] ||
    cannot MISTAKE "The change is too large for this client (over 1000000 bytes). Use closeloop_gate.py."
}

# ask PATH [curl arguments]: the answer in $dir/answer, its values in $dir/values.
ask() {
  path=$1
  shift
  tries=0
  until_second=$(($(date +%s) + deadline))
  while :; do
    tries=$((tries + 1))
    left=$((until_second - $(date +%s)))
    [ "$left" -gt 0 ] || cannot OUTAGE "${reason:-The time is up} ($tries tries)"
    [ "$left" -le 15 ] || left=15
    : >"$dir/answer"
    : >"$dir/headers"
    # The token goes through a pipe: arguments could be read by everybody on this machine.
    status=$(printf 'header = "Authorization: Bearer %s"\n' "$token" |
      curl -q --config - --globoff --silent --show-error --proto "=$scheme" --max-redirs 0 --max-time "$left" \
        --max-filesize 8388608 --header 'Accept: application/json' --user-agent "closeloop-gate/$VERSION (sh)" \
        --header 'Expect:' ${CLOSELOOP_CA_FILE:+--cacert "$CLOSELOOP_CA_FILE"} --dump-header "$dir/headers" \
        --output "$dir/answer" --write-out '%{http_code}' "$@" "$url$path" 2>"$dir/said")
    code=$?
    wait=0
    if [ "$code" -ne 0 ]; then
      reason="$url does not answer: $(cat "$dir/said")"
      # A bad certificate does not get better: 35, 51, 58, 60, 77, 83, 90, 91.
      case $code in 51 | 58 | 60 | 77 | 83 | 90 | 91) cannot OUTAGE "$reason" ;; esac
    else
      case $status in
        408 | 425 | 429 | 500 | 502 | 503 | 504)
          reason="$url answers $status $(refusal)"
          wait=$(awk 'tolower($1) == "retry-after:" && $2 ~ /^[0-9]+\r?$/ { n = $2 + 0 } END { print (n > 99999 ? 99999 : n + 0) }' \
            "$dir/headers")
          ;;
        200) break ;;
        3??) cannot MISTAKE "$url redirects, and the token is not sent elsewhere. Set the address that answers." ;;
        401) cannot MISTAKE "$url answers 401 $(refusal) Renew the token in CLOSELOOP_TOKEN." ;;
        403) cannot MISTAKE "$url answers 403 $(refusal)\
 The token may not ask this: see its scopes, services, repositories and addresses." ;;
        *) cannot MISTAKE "$url answers $status $(refusal)" ;;
      esac
    fi
    pause=$(awk -v seed="$$$(date +%S)" -v n="$tries" 'BEGIN { srand(seed); print int(1 + rand() * (n < 4 ? 2 ^ n : 8)) }')
    [ "$wait" -le "$pause" ] || pause=$wait
    if [ "$tries" -ge 5 ] || [ $(($(date +%s) + pause)) -ge "$until_second" ]; then
      cannot OUTAGE "$reason ($tries tries)"
    fi
    note "$reason; trying again in $pause s."
    sleep "$pause"
  done
  awk "$PARSER" "$dir/answer" >"$dir/values" 2>/dev/null || cannot OUTAGE "$url answers something that is no JSON."
  read_verdict
}

# What a problem body says.
refusal() {
  if awk "$PARSER" "$dir/answer" >"$dir/problem" 2>/dev/null; then
    printf '%s: %s' "$(of "$dir/problem" .code)" "$(of "$dir/problem" .detail)"
    awk -F '\t' '$1 ~ /^\.errors\..*\.message$/ { print " [" $1 "] " substr($0, length($1) + 2); exit }' "$dir/problem"
  fi
}

# The verdict of the answer in $verdict.
read_verdict() {
  verdict=$(of "$dir/values" .status)
  second=$(of "$dir/values" .verdict)
  verdict=${verdict:-$second}
  case "$verdict:${second:-$verdict}" in
    PASS:PASS | FAIL:FAIL | UNKNOWN:UNKNOWN) ;;
    *) cannot OUTAGE "$url answers without a verdict." ;;
  esac
}

# echoes NAME EXPECTED: the answer must repeat what was asked.
echoes() {
  [ "$(of "$dir/values" ".$1")" = "$2" ] || cannot MISTAKE "The answer is about another $1 than was asked for."
}

# conclude KIND SUBJECT: say the verdict and end.
conclude() {
  mode=$(of "$dir/values" .mode)
  case $mode in
    off | warn | dry-run) remark=" (mode $mode: this does not block)" ;;
    *) remark='' ;;
  esac
  if [ "$format" = json ]; then
    cat "$dir/answer"
    echo
    say "$1" "$2" >&2
  else
    say "$1" "$2"
  fi
  [ "$verdict" != PASS ] && [ -z "$remark" ] && exit 1
  exit 0
}

say() {
  printf 'closeloop: %s: %s %s%s\n' "$verdict" "$1" "$(plain "$2")" "$remark"
  place=0
  while finding=$(of "$dir/values" ".findings.$place.code") && [ -n "$finding" ]; do
    object=$(of "$dir/values" ".findings.$place.object" | sed 's/^null$//')
    detail=$(of "$dir/values" ".findings.$place.detail")
    link=$(of "$dir/values" ".findings.$place.url" | sed 's/^null$//')
    note=''
    [ "$(of "$dir/values" ".findings.$place.counts")" != false ] || note=' (does not count here)'
    waiver=$(of "$dir/values" ".findings.$place.waived_by" | sed 's/^null$//')
    [ -z "$waiver" ] || note=" (waived by $(plain "$waiver"))"
    printf '  - %s: %s%s\n' "$(plain "$finding${object:+ $object}")" "$(plain "$detail")" "$note"
    printf '    Next: %s\n' "$(next_step "$finding")"
    [ -z "$link" ] || printf '    See:  %s\n' "$(plain "$link")"
    place=$((place + 1))
  done
  place=0
  while rule=$(of "$dir/values" ".skipped.$place.code") && [ -n "$rule" ]; do
    reason=$(of "$dir/values" ".skipped.$place.reason")
    printf '  (%s was not judged: %s)\n' "$(plain "$rule")" "$(plain "$reason")"
    place=$((place + 1))
  done
  excuse=$(of "$dir/values" .excuse.detail)
  [ -z "$excuse" ] || printf '  (nothing is asked of this change: %s)\n' "$(plain "$excuse")"
  decision=$(of "$dir/values" .decision)
  case $decision in
    '' | *[!0-9a-f-]*) ;;
    *) printf '  Decision: %s/gate/%s/\n' "$url" "$decision" ;;
  esac
}

choose_server() {
  url=${url:-${CLOSELOOP_URL:-$DEFAULT_URL}}
  url=${url%/}
  case $url in
    *@*) cannot MISTAKE "The address must hold no user name or password." ;;
    '' | *[!A-Za-z0-9._:/~%[\]-]*) cannot MISTAKE "Which instance? Say --url or set CLOSELOOP_URL." ;;
    https://?*) scheme=https ;;
    http://localhost | http://localhost[:/]* | http://127.0.0.1 | http://127.0.0.1[:/]* | http://\[::1\]*) scheme=http ;;
    http://?*)
      [ "${CLOSELOOP_ALLOW_HTTP:-}" = 1 ] || cannot MISTAKE "The address is not https, so others could read the token\
 on its way. Set CLOSELOOP_ALLOW_HTTP=1 to send it all the same."
      scheme=http
      ;;
    *) cannot MISTAKE "Which instance? Say --url or set CLOSELOOP_URL, for example https://closeloop.example.org." ;;
  esac
  deadline=${deadline:-${CLOSELOOP_DEADLINE:-60}}
  case $deadline in
    '' | 0* | *[!0-9]* | ?????*) cannot MISTAKE "The deadline must be a whole number of seconds from 1 to 3600." ;;
  esac
  token=${CLOSELOOP_TOKEN:-}
  if [ -z "$token" ] && [ -n "${CLOSELOOP_TOKEN_FILE:-}" ]; then
    token=$(cat "$CLOSELOOP_TOKEN_FILE" 2>/dev/null) || cannot MISTAKE "$CLOSELOOP_TOKEN_FILE cannot be read."
  fi
  token=$(printf '%s' "$token" | tr -d ' \t\r\n')
  case $token in
    '') cannot MISTAKE "There is no token: set CLOSELOOP_TOKEN, or CLOSELOOP_TOKEN_FILE to a file that holds it." ;;
    *[!A-Za-z0-9._~+/=-]*) cannot MISTAKE "What stands in CLOSELOOP_TOKEN is no token." ;;
  esac
  command -v curl >/dev/null 2>&1 || cannot MISTAKE "curl cannot be run."
}

read_options() {
  url='' deadline='' format=text repository='' branch='' change='' title='' description='' description_json=''
  labels='' services='' base='' head='' commits=git day='' given_description=''
  while [ $# -gt 0 ]; do
    case $1 in
      --fail-open) fail_open=outage && shift && continue ;;
      --fail-open=outage | --fail-open=always) fail_open=${1#*=} && shift && continue ;;
      --help | -h) usage && exit 0 ;;
      --*=*)
        option=${1%%=*} argument=${1#*=}
        shift
        ;;
      --*)
        [ $# -gt 1 ] || cannot MISTAKE "$1 needs a value (see --help)"
        option=$1 argument=$2
        shift 2
        ;;
      *) cannot MISTAKE "What is $1? (see --help)" ;;
    esac
    case $kind:$option in
      *:--url) url=$argument ;;
      *:--deadline) deadline=$argument ;;
      *:--format) format=$argument ;;
      *:--service) services="$services
$argument" ;;
      audit:--date) day=$argument ;;
      change:--repository) repository=$argument ;;
      change:--branch) branch=$argument ;;
      change:--change-id) change=$argument ;;
      change:--title) title=$argument ;;
      change:--label) labels="$labels
$argument" ;;
      change:--base) base=$argument ;;
      change:--head) head=$argument ;;
      change:--commits) commits=$argument ;;
      change:--description-file)
        given_description=1
        if [ "$argument" = - ]; then description=$(cat); else
          description=$(cat "$argument" 2>/dev/null) || cannot MISTAKE "$argument cannot be read."
        fi
        ;;
      *) cannot MISTAKE "There is no option $option here (see --help)" ;;
    esac
  done
  case $format in text | json) ;; *) cannot MISTAKE "The format is text or json." ;; esac
  case $commits in git | none) ;; *) cannot MISTAKE "--commits is git or none." ;; esac
}

audit() {
  service=$(printf '%s' "$services" | sed '/^$/d' | tail -n 1)
  service=${service:-${CLOSELOOP_SERVICE:-}}
  [ -n "$service" ] || cannot MISTAKE "Which service? Say --service or set CLOSELOOP_SERVICE."
  # Without a date the instance's own day is meant: this machine's clock and zone do not matter.
  ask /sre/audit --get --data-urlencode "service=$service" ${day:+--data-urlencode "date=$day"}
  echoes service "$service"
  [ -z "$day" ] || echoes date "$day"
  conclude audit "$service${day:+ on $day}"
}

change() {
  describe
  repository=$(path_of "${repository:-${CLOSELOOP_REPOSITORY:-$ci_repository}}")
  branch=$(printf '%s' "${branch:-$ci_branch}" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//')
  branch=${branch#refs/heads/} change=${change:-$ci_change} title=${title:-$ci_title} base=${base:-$ci_base}
  head=${head:-${ci_head:-HEAD}} labels=${labels:-$ci_labels}
  if [ -z "$given_description" ]; then description=$ci_description description_json=$ci_description_json; fi
  [ -n "$services" ] || services=$(printf '%s' "${CLOSELOOP_SERVICES:-}" | tr -d ' ' | tr , '\n')
  [ -n "$repository" ] || cannot MISTAKE "Which repository? Say --repository or set CLOSELOOP_REPOSITORY."
  if [ "$commits" = none ]; then
    [ -n "$change" ] || cannot MISTAKE "Which change? Say --change-id."
    : >"$dir/commits"
    : >"$dir/paths"
  else
    [ -n "$base" ] || cannot MISTAKE "Which commits? This is no pipeline of a change that is known. Say --base COMMIT\
 (and --head COMMIT), or --commits none."
    read_git
  fi
  write_body
  ask /api/v1/gate/changes --header 'Content-Type: application/json' --data-binary "@$dir/body"
  echoes repository "$repository"
  echoes change_id "$change"
  conclude change "$change of $repository"
}

main() {
  case $(printf '%s' "${CLOSELOOP_FAIL_OPEN:-}" | tr '[:upper:]' '[:lower:]') in
    '' | 0 | false | no | off) fail_open= ;;
    1 | true | yes | on | outage) fail_open=outage ;;
    always) fail_open=always ;;
    *) fail_open='' && cannot MISTAKE "CLOSELOOP_FAIL_OPEN is 1 (the same as outage), always or 0." ;;
  esac
  kind=${1:-}
  case $kind in
    change | audit) shift ;;
    --version) echo "closeloop-gate $VERSION" && exit 0 ;;
    --help | -h) usage && exit 0 ;;
    *)
      fail_open=''
      cannot MISTAKE "Say what to ask: change or audit (see --help)."
      ;;
  esac
  dir=$(mktemp -d) || cannot MISTAKE "There is no place for temporary files."
  trap 'rm -rf "$dir"' EXIT
  trap 'exit 2' HUP INT TERM
  read_options "$@"
  choose_server
  "$kind"
}

main "$@"
exit 2
# closeloop-gate: the whole file is here
