"""Pure: the words that are looked for: headings, labels and phrases, in English and Chinese."""

from __future__ import annotations

import re

# Which field a heading speaks of: the first pattern that matches decides. They look at the whole heading, in
# lower case, without marks.
HEADINGS = tuple(
    (target, re.compile(pattern))
    for target, pattern in (
        ("luck", r"\b(?:got|were|was|get|been)?\s?luck(?:y)?\b|幸运|运气|侥幸"),
        ("went_well", r"\b(?:went|goes|worked|done|did) (?:(?:really|quite|very|so) )?(?:well|right|good)\b|做得好|做的好|好的方面|亮点|值得(?:肯定|保持)"),
        ("went_badly", r"\b(?:went|goes) (?:wrong|badly|poorly|less well)|could(?: have)? (?:gone|been|be|go|do|done) (?:better|improved)|did ?n[o'’]t (?:go|work) (?:so )?well|done better|what to improve|做得不好|做的不好|不足|待改进|有待改进|问题与不足"),
        ("log", r"\b(?:chat|slack|irc|gitter)\b.*\blogs?\b|^(?:raw )?logs?$|chat (?:transcript|history)|^appendi|^apend|^附录|聊天记录|日志附件"),
        ("timeline", r"\btime ?-?line\b|\bchain of events\b|\bchronology\b|^(?:sequence|order|log) of events|^event log$|^incident log$|时间线|时间轴|时间节点|时间表|(?:事件|故障|事故|问题)?(?:处理|处置|应急|恢复|排障)(?:的)?(?:过程|经过|流程|记录)$|事件经过|事故经过|故障经过|经过$|大事记"),
        ("actions", r"^(?:\w+ ){0,3}action(?:able)?s?[ -]?items?\b|^(?:review |corrective |preventi\w+ |preventative |follow[ -]?up |remedial |future |recommended |next )+(?:and \w+ )?(?:actions?|measures?|steps|tasks|work)|^corrective (?:and|/|&) preventa?ti(?:ve|tive) (?:actions?|measures?)|^actions?(?: points?| required| & follow[ -]?ups?| and follow[ -]?ups?)?$|^follow[ -]?ups?\b|^next steps\b|^remediations?(?: items?| plan| steps)?$|^to-?dos?$|^long[ -]term (?:changes|fix|actions|measures)|^improvements?(?: items?| plan)?$|^recommendations?$|改进(?:措施|项|计划|行动|点|方案)|行动项|待办|后续(?:行动|措施|计划|改进|工作|优化|动作|事项|跟进)|整改(?:措施|项|计划|方案)|优化(?:措施|项|计划)|todo|预防措施|防范措施"),
        ("root_cause", r"\broot[ -]?causes?\b|^(?:the )?causes?\b|\bfive whys\b|^(?:5|five) ?whys|what caused|why (?:did )?(?:it|this|the) |\bcause analysis\b|^(?:the )?fault$|根因|根本原因|故障原因|原因(?:分析|定位|是)?$|问题原因|原因$|深入分析|直接原因"),
        ("contributing", r"^contributing\b|诱因|间接原因"),
        ("change_correlation", r"^triggers?\b|^lead[ -]?up|^background changes?|^changes?$|related changes?|recent changes?|触发(?:原因|条件|因素)?|变更(?:关联|内容|记录|情况)?$|相关变更"),
        ("metric_anomaly", r"^detect(?:ion|ed)|^(?:how (?:was|did).*detect)|^monitoring$|^metrics?\b|^alert(?:s|ing)?$|监控|指标|告警|报警|(?:故障|问题)?发现"),
        ("phenomenon", r"^(?:user|customer|business|end[ -]user|service|incident)?[ -]?impacts?\b|^impact|\bimpact$|^symptoms?\b|^affected\b|^what happened|^(?:outage|incident|problem|issue|fault)? ?descriptions?$|^phenomen|^scope$|^the problem$|^problem(?: statement)?$|现象|影响|问题描述|故障描述|问题反馈|^问题$|波及"),
        ("summary", r"^(?:executive |issue |incident |brief |quick )?(?:summary|overview|abstract|synopsis|tl;?dr)\b|^summary of|^in brief|概述|摘要|概要|简述|概况|总览|简介$|^背景$"),
    )
)  # fmt: skip

# A title that waits to be filled in.
PLACEHOLDER_TITLE = re.compile(
    r"^(?:incident |postmortem |post-mortem |issue |event |outage |problem )?(?:title|name|report title)\b(?:\s*\(.*\)|\s+of the incident.*|\s*[:：]\s*(?:[\[<{].*|date)?|\s+[-–—]\s+[dmy/-]{8,10})?$"
    r"|\btemplate\b|\{\{|\}\}|<%|\[(?:date|title|name|incident[^\]]*|yyyy[^\]]*)\]|<(?:date|title|name|incident[^>]*)>"
    r"|<<|\{[a-z]+_[a-z_]+\}|\[[^\]\n]{0,20}(?:名称|标题)\]|yyyy-mm-dd|dd/mm/yyyy|mm/dd/yyyy|模板|^标题$|^(?:故障|事件|事故)(?:标题|名称)$|x{3,}",
    re.IGNORECASE,
)

# A title that says what the document is and not what happened.
GENERIC_TITLE = re.compile(
    r"(?:(?:blameless|incident|production|outage|service|post|example|the) )*"
    r"(?:post-?mortem|mortem|incident|retrospective|review|report|rca|root cause analysis)"
    r"(?: (?:post-?mortem|report|review|document|analysis|summary))*"
    r"|(?:线上|生产|系统)?(?:故障|事故|事件|问题)(?:复盘|分析|总结|处理|回顾)*(?:报告|记录|文档)?",
    re.IGNORECASE,
)
# Places that wait to be filled in.
PLACEHOLDERS = re.compile(
    r"\{\{|\{[a-z_]{3,}\}|<<|\byyyy\b|\bhh:mm\b|xx[:：-]xx|\[[a-z][^\]\n]{2,60}\](?!\()|<[a-z][^>\n]{2,40}>|\btbd\b",
    re.IGNORECASE,
)

# Which fact a label names.
LABELS = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("started", r"^(?:fault|failure|incident|outage|problem|issue) occur(?:s|red)?$|^(?:incident |outage |impact |event |故障|事故|问题|事件)?(?:start(?:ed)?|begin|began|onset)(?:ing)?(?: ?(?:date|time|at|date ?/ ?time))*$|^(?:故障|事故|问题|事件|影响)?(?:开始|发生)(?:时间|于)?$|^(?:故障|事故|事件|问题)(?:时间|时段)$|^started_at$|^start(?:_time|ed_at|_date)?$"),
        ("ended", r"^(?:incident |outage |impact |event )?(?:end(?:ed)?|resol(?:ved|ution)|recover(?:ed|y)|restored|repaired|fixed|mitigated)(?: ?(?:date|time|at|date ?/ ?time))*$|^(?:故障|事故|问题|事件|影响|服务)?(?:结束|恢复|解决)(?:时间|于)?$|^(?:ended|resolved)_at$|^(?:end|resolution)_time$"),
        ("detected", r"^(?:incident |outage )?(?:first )?(?:detect(?:ed|ion)|discovered|noticed)(?: ?(?:date|time|at|date ?/ ?time))*$|^(?:故障|事故|问题|事件)?发现(?:时间|于)?$|^detected_at$|^detection_time$"),
        ("duration", r"^(?:incident |outage |total |impact )?duration$|^(?:(?:生产|业务|服务|系统|用户|总)?受?(?:影响|停机|中断|宕机|不可用|故障|持续|恢复|总)?(?:总)?(?:时长|历时|持续时间|影响时长|持续时长))$|^time to (?:resolve|recover|recovery|resolution|repair|restore)(?: \(ttr\))?$"),
        ("severity", r"^(?:incident |event )?(?:severity|sev|severity level|priority)(?: level)?$|^(?:故障|事故|问题|事件)?(?:严重|影响)?(?:级别|等级|严重程度|优先级|定级|评级)$|^sev ?(?:评级|级别|等级|定级)$"),
        ("severity_reason", r"^定级(?:依据|理由|说明)$|^severity (?:reason|rationale|justification)$"),
        ("services", r"^(?:affected |impacted |root )?(?:services?|systems?|components?)(?: affected| impacted)?$|^(?:affected|impacted) (?:services?|systems?|components?)$|^(?:影响|受影响的?|涉及|故障)?(?:服务|系统|模块|业务)$"),
        ("date", r"^(?:incident |outage )?date(?: of (?:the )?(?:incident|outage))?$|^(?:故障|事故|事件)?日期$|^时间$"),
    )
)  # fmt: skip
HARM = re.compile(
    r"outage|down(?:time)?\b|unavailab|inaccessib|unusable|unreachable|disrupt|lasted|duration|broken|brok(?:e|en)\b"
    r"|degrad|interrupt|offline|recover|fail(?:ed|ing|ure)s?\b|incident|experienced|不可用|故障|持续|中断|影响|历时|时长|恢复",
    re.IGNORECASE,
)
LOOSE = re.compile(
    r"at (?:least|most)|up to|maximum|minimum|estimat|between|several|less than|more than|over \d|under \d|every|after|within|ago"
    r"|later|longer|old|per\b|each|timeout|cycle|至少|最多|超过|不到|以内|之后|后|每",
    re.IGNORECASE,
)
FOR = re.compile(
    r"(?:\b(?:for|last(?:ed|ing)|took|take|duration|in|of|about|down|caused?|approximately|approx\.?|around|roughly|nearly|almost|is|was)|[~≈:：(]|持续|历时|时长|约|共|了)\s*(?:was|of|is|[:：])?\s*(?:a|an|the|about|around|approximately|roughly|some|约|大约)?\s*[~≈]?\s*$",
    re.IGNORECASE,
)
OF_HARM = re.compile(
    r"[\s-]*(?:of )?(?:the )?(?:service )?(?:outage|downtime|incident|disruption|unavailab|degrad|中断|的?故障)",
    re.IGNORECASE,
)
NO_LENGTH = re.compile(
    r"[\s-]*(?:delay|latency|response|interval|window|period|cycle|timeouts?|lag|wait|average|retention|ttl)",
    re.IGNORECASE,
)
SEVERITY = re.compile(
    r"^(?:(?:p|sev|s)[ -]?[0-5]|critical|major|moderate|minor|high|medium|low|[一二三四五]级|重大|严重|一般|较大|特别重大|[高中低])(?![\w/|,、])",
    re.IGNORECASE,
)
# A level in running text.
LEVEL = re.compile(
    r"(?<![A-Za-z0-9])(?:sev[ -]?[0-5]|p[0-5])(?![\w/|])(?! ?级?[、,/|])|(?<![A-Za-z0-9])p[0-5](?= ?级)",
    re.IGNORECASE,
)
EMPTY = re.compile(
    r"^[\W_]*(?:n/?a|tbd|tba|none|unknown|无|待定|未知|\?+|x+|yyyy.*|hh:mm.*|<.*>|\{\{.*|\[.*\])?[\W_]*$",
    re.IGNORECASE,
)
BEGAN = re.compile(
    r"\b(?:went|was|were|became|got|been) (?:(?:completely|fully|partially|all) )?(?:down|offline|unavailable|inaccessible|broken|unreachable|unresponsive)\b"
    r"|\b(?:outage|incident|downtime|disruption|degradation|problems?|impact) (?:began|begins|started|starts)\b|\bstopped (?:responding|working)\b"
    r"|\bbegan (?:failing|to fail|returning)|\bstarted (?:failing|to fail|returning)|sustained an? (?:operational )?incident|\b(?:started|began) (?:at|on|around)\b.{0,80}\blast(?:ed|ing)\b|出现故障|发生故障|开始(?:出现|报错|异常)|不可用|宕机|挂死|崩溃",
    re.IGNORECASE,
)
STARTS = re.compile(
    r"\b(?:start|beginning|onset) of (?:the )?(?:incident|outage|disruption|problem|issue|downtime)"
    r"|\b(?:incident|outage|problem|issue|downtime|disruption|impact)s? (?:starts?|started|begins?|began)\b|故障开始|开始(?:出现)?(?:故障|异常)",
    re.IGNORECASE,
)

# Words before a phrase that make it a hope, a condition or somebody else's saying.
NOT_SO = re.compile(
    r"\b(?:to say|says?|said|claims?|hop(?:e|ing)|if|until|once|when|before|verify|ensure|not|should|think|believ\w+|suspect\w*|assum\w+|wait\w*|expect(?!ed\b)\w*|considered|would|will|test(?:s|ed|ing)?)\b[^.]{0,60}$|如果|等待|预计[^。]{0,20}$",
    re.IGNORECASE,
)
AGAIN = re.compile(
    r"\b(?:again|recur\w*|still (?:down|failing|broken|slow|unavailable|happening)|(?:is|are|was|were|went|goes) down)\b|再次|仍然|又出现",
    re.IGNORECASE,
)
ENDS = re.compile(
    r"^\W{0,4}(?:recovery|resolved|mitigated|恢复)\W{0,4}[:：]|\((?:resolved|mitigated|fixed)\)|\bend of (?:the )?(?:incident|outage|disruption|downtime)|\b(?:incident|outage|disruption|downtime|problem|issue)s? "
    r"(?:(?:is|was|has been|fully|now|officially) ){0,3}(?:ends?|ended|resolved|repaired|closed|over|mitigated|fixed|goes away|went away)\b"
    r"|outage to an end|故障(?:结束|解除|恢复)|事故结束",
    re.IGNORECASE,
)
RESTORED = re.compile(
    r"\b(?:service|services|site|website|system|traffic|everything|things|cluster|functionality|operations?)s? "
    r"(?:(?:is|are|was|were|has|have|been|fully|now|all|should be) ){0,4}(?:restored|recovered|back(?: to normal| online| up)?|returns? to normal|returned to normal|operational|normal)\b"
    r"|\bback (?:online|to normal|up and running)\b|\b(?:fully|again|is|are|verified|verified all systems|all systems|confirmed(?: to be)?) (?:operational|functional|working) ?(?:again)?\b|\bworking as (?:intended|expected|normal)\b|\bself-heal(?:s|ed)\b|\breturns? to normal\b|\ball[- ]clear\b"
    r"|(?:服务|业务|系统|全部|连接|功能|流量)(?:完全|全部|全面|已经?|陆续)?恢复(?:正常)?|恢复正常|全面正常|(?:完全|全面|彻底)恢复",
    re.IGNORECASE,
)
SYMPTOM = re.compile(
    r"\balert|\bpage[ds]?\b|\boutage|\b(?:is|are|was|were|went|goes|going|been) down\b|\berrors?\b|\bfail(?:s|ed|ing|ure|ures)?\b|\breport(?:s|ed)?\b|\bnotic(?:e|es|ed)\b"
    r"|\b(?:drops?|dropped|reaches) (?:to )?0 ?%|\bunavailable|\bcrash|\bevicted|\btimeouts?\b|\b5\d\d\b|\bslow\b|\bproblem\b|\bsymptom|\bunable\b|\bcannot\b|\bexception|\b(?:stall|halt|hang|expire|degrade|freeze)(?:s|d|ed|ing)?\b|\bhung\b|\bfroze\b|\bstop(?:s|ped) (?!the\b)|\bunresponsive\b|\breject(?:s|ed|ing)\b|\bgo(?:es)? dark\b"
    r"|报警|告警|异常|报错|失败|超时|故障|不可用|反馈|宕机|崩溃|卡死|挂死|无法",
    re.IGNORECASE,
)
CHANGE = re.compile(
    r"\b(?:merged?|deploy(?:s|ed|ment|ing)?|promot(?:e|ed)|releas(?:e|ed)|rolled out|upgrad(?:e|es|ed|ing)|introduced|opened|published|pushed|registers?|created?|updated?|scheduled|begun|initiated)\b|发布|上线|变更|升级|部署",
    re.IGNORECASE,
)
DETECTS = re.compile(
    r"\balerts? (?:fire[sd]?|firing|triggered|received)|\b(?:we|team|oncall|on-call) (?:was |were |is |are |got )?(?:alerted|paged|notified)|\bfirst report|\bis detected\b|\bwas detected\b|\bsends? (?:\w+ )?(?:alert )?emails? about the outage|收到(?:\S{0,6})?(?:告警|报警)|^\W*监控(?:系统)?(?:报警|告警)|发现(?:故障|问题|异常)",
    re.IGNORECASE,
)
PLANNED = re.compile(r"maintenance|维护通知|割接|scheduled", re.IGNORECASE)
DONE = re.compile(
    r"\(\s*(?:done|completed|fixed)\b[^)]*\)|\bDONE\b|✅|☑|✔|\*\*\(?done\b|（已?完成）|【已完成】|已完成[）\])]?$",
    re.IGNORECASE | re.MULTILINE,
)
DONE_WORD = re.compile(r"\((?:done|completed)\b|\bDONE\b|✅|✔|☑|已完成")
# What the column of states says of an action that is over.
DONE_CELL = re.compile(
    r"[\W_]*(?:done|completed?|closed|resolved|fixed|完成|已完成|已解决)[\W_]*", re.IGNORECASE
)
EMPTY_ACTION = re.compile(
    r"^[\W_]*(?:\{\{\s*(?:summary|title|action(?: item)?|item|description)\s*\}\}|<[^>]*>|\[(?:action|item|title|summary)[^\]]*\]|tbd|todo|n/?a|none|无|待补充|\.{3}|…|x{2,})?[\W_]*(?:\[link to github issue\])?[\W_]*$",
    re.IGNORECASE,
)
# The columns of a table of actions, wherever it stands: what to do, and who, until when or how far.
ACTION_COLUMN = re.compile(
    r"^[\W_]*(?:action(?: items?)?s?|follow[ -]?up(?: action)?s?|to-?do|行动项?|行动计划|(?:改进|整改|优化|后续)?(?:措施|事项)|改进项|整改项|待办(?:事项)?)[\W_]*$",
    re.IGNORECASE,
)
OWNER_COLUMN = re.compile(
    r"^[\W_]*(?:owner|assignee|assigned to|responsible|who|due(?: date)?|deadline|eta|type|priority|status|bug|issue|ticket|负责人|责任人|截止(?:时间|日期)?|完成(?:时间|日期)|期限|状态|优先级)[\W_]*$",
    re.IGNORECASE,
)
CHORE = re.compile(
    r"sections? above|incident title|after-action report|incident has been dealt with|all actionable items",
    re.IGNORECASE,
)
# What a column of such a table says of an action, the first that fits; "" is one that is none of these.
ACTION_FIELDS = tuple(
    (name, re.compile(rf"[\W_]*(?:{pattern})[\W_]*", re.IGNORECASE))
    for name, pattern in (
        ("title", r"(?:recommended |proposed |corrective |preventive |remediation |follow[ -]?up )?(?:action(?: items?)?s?|tasks?)(?: description)?|follow[ -]?up(?: action)?s?|to-?dos?|what(?: to do)?|remediation(?: item)?s?|improvements?|行动(?:项|计划|内容)?|(?:具体|改进|整改|优化|后续|预防|解决|跟进)?(?:措施|事项|动作|任务)|(?:改进|整改|优化|行动|任务|措施)(?:项|内容|点|描述)|待办(?:事项)?"),
        ("kind", r"(?:action |item )?type|kind|(?:措施|行动|改进)?(?:类型|类别|分类|种类)"),
        ("owner", r"(?:action )?owners?|assignees?|assigned(?: to)?|responsib(?:le|ility)(?: party| person)?|who|dri|(?:主要|跟进|主)?(?:负责|责任|执行|处理|跟进|经办|对接)人(?:员)?|owner ?\(s\)"),
        ("link", r"(?:tracking |tracker )?(?:bugs?|issues?|tickets?|jira|links?|url)(?: ?/ ?(?:bugs?|issues?|tickets?|jira|links?))?(?: ?(?:#|id|no\.?|number|link|url|key))?|track(?:er|ing|ed in)|(?:jira|任务|工单|缺陷|跟踪|需求|相关|问题)? ?(?:工单|单号|链接|编号|跟踪|地址)|jira ?(?:号|单)"),
        ("due", r"due(?: date| by)?|deadline|eta|target(?: date)?|by when|when|(?:planned |expected |estimated )?(?:completion|finish|end|delivery)(?: date)|(?:预计|计划|预期|要求)?(?:截止|完成|结束|到期|上线|交付)(?:时间|日期|日)?|期限|时限|deadline"),
        ("title", r"descriptions?|items?|summary|details?|work|内容|描述|项目|说明"),
    )
)  # fmt: skip
# What a type of action says an item does, and nothing else.
ACTION_KINDS = tuple(
    (kind, re.compile(rf"[\W_]*(?:{pattern})[\W_]*", re.IGNORECASE))
    for kind, pattern in (
        ("prevent", r"prevent(?:s|ion|ive|ative|ing)?|avoid(?:ance)?|预防(?:类|性|措施)?|防止|防范|规避|避免(?:再次发生)?"),
        ("detect", r"detect(?:s|ion|ive|ing)?|(?:检测|探测|发现|监控|告警)(?:类|措施)?"),
        ("mitigate", r"mitigat(?:e|es|ion|ive|ing)|(?:缓解|减轻|减缓|止损|降低影响)(?:类|措施)?"),
    )
)  # fmt: skip
