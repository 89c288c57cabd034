"""Pure: the programs that `commands` knows, by what they do. A line here is a program or a verb of one."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Before the program that is meant.
PREFIXES = _words(
    """
    sudo doas env time nohup nice ionice exec command stdbuf xargs timeout
    """
)
# Options of these that take the word behind them.
OPTIONS_WITH_A_WORD = {
    "sudo": _words("-u -g -h -p -C -r -t -U -D -R -T --user --group --host --prompt --chdir"),
    "doas": _words("-u -C"),
    "env": _words("-u -C -S --unset --chdir"),
    "timeout": _words("-s -k --signal --kill-after"),
    "nice": _words("-n --adjustment"),
    "ionice": _words("-c -n --class --classdata"),
    "stdbuf": _words("-i -o -e"),
    "time": _words("-f -o --format --output"),
    "xargs": _words("-n -I -P -L -d -a -s -E --max-args --max-procs --replace --delimiter --arg-file"),
}
# Programs that run another one elsewhere, and their options that take the word behind them.
OF_CONTAINERS = _words("docker podman nerdctl crictl docker-compose")
BEFORE_A_COMMAND = {
    **dict.fromkeys(OF_CONTAINERS, _words("-u -e -w --user --env --workdir --index")),
    "ssh": _words("-p -i -l -o -F -J -L -R -D -b -c -E -m -Q -S -W -w"),
}
# Change something, whatever follows; `commands` knows the options by which some only look.
ALWAYS_CHANGE = _words(
    """
    rm rmdir mv cp dd mkfs kill pkill killall reboot shutdown poweroff halt init chmod chown chgrp
    ln mkdir touch useradd userdel usermod groupadd mount umount swapoff swapon fdisk parted
    truncate shred tee install patch rsync scp modprobe rmmod insmod ansible-playbook puppet
    chef-client make tar unzip wipefs pvcreate lvextend resize2fs xfs_growfs growpart kubeadm
    setenforce logrotate update-alternatives passwd chpasswd at crontab iptables-restore createdb
    dropdb pg_restore pg_resetwal pg_rewind wget adduser deluser addgroup delgroup unlink mkswap
    a2ensite a2dissite a2enmod a2dismod htpasswd ssh-copy-id syncoid sanoid mkdosfs tune2fs e2fsck
    xfs_repair mkinitrd update-grub grub-install update-initramfs dpkg-reconfigure chattr setfacl
    """
)
# Clients of clouds: the verb stands among the first words.
CLOUD = _words(
    """
    aws gcloud az oci doctl openstack ibmcloud eksctl kops
    """
)
SQL_CLIENTS = _words(
    """
    psql mysql mariadb sqlite3 clickhouse-client cqlsh sqlplus mongo mongosh
    """
)
# Want a terminal.
EDITORS = _words(
    """
    vi vim nvim nano emacs less more man top htop atop btop iotop nethogs k9s mc tmux screen visudo
    fdisk gdb telnet ftp sftp tig ncdu iftop nload
    """
)
# By program: the words with which it wants a terminal.
TERMINALS = {
    "virsh": _words("console edit"),
    "virtctl": _words("console vnc ssh"),
    "systemctl": _words("edit"),
    "aws": _words("start-session execute-command"),
    "gcloud": _words("ssh"),
    "az": _words("ssh"),
    "lxc-attach": _words("-n"),
    "fly": _words("console"),
    "ansible-vault": _words("edit create"),
}
# Want a terminal when nothing follows.
SHELLS = _words(
    """
    bash sh zsh fish python python3 node irb php rails ipython
    """
)
# Go on until somebody stops them.
ENDLESS = _words(
    """
    watch tshark yes inotifywait multitail stern kubetail proxy
    """
)
# By program: the words with which it goes on.
GOES_ON = {
    "ceph": _words("-w --watch --watch-debug"),
    "strace": _words("-p --attach"),
    "ip": _words("monitor"),
    "udevadm": _words("monitor"),
    "consul": _words("monitor"),
    "nomad": _words("monitor"),
    "etcdctl": _words("watch"),
}
# Go on unless one of these tells them when to stop.
STOPS_WITH = {
    "ping": _words("-c"),
    "ping6": _words("-c"),
    "tcpdump": _words("-c"),
    "top": _words("-n -bn"),
    "kafka-console-consumer": _words("--max-messages --timeout-ms"),
    "kafka-console-consumer.sh": _words("--max-messages --timeout-ms"),
}
# By program: the options with which it changes something; without them it reads.
WRITERS = {
    "ssh-keygen": _words("-t -R -p -A"),
    "dpkg": _words("-i -r -P --install --remove --purge --configure"),
    "rpm": _words("-i -U -e --install --upgrade --erase"),
}
# Read and end.
READERS = _words(
    """
    cd cat grep egrep head tail ls ps df du free uptime who w id hostname date uname lsof netstat ss ip
    dig nslookup host ping curl find wc sort uniq awk sed jq yq stat file test echo printf
    journalctl dmesg sysctl lsblk mount openssl traceroute mtr iostat vmstat sar mpstat psql mysql
    redis-cli promtool amtool check_http lsmod modinfo nproc lscpu lspci lsusb dmidecode smartctl
    systemd-analyze timedatectl hostnamectl loginctl getent md5sum sha256sum cut tr comm diff cmp
    readlink realpath which type pgrep pidof jobs last lastlog
    """
)
# By program: the words that change something, among its first ones that are no options.
_VERBS: dict[str, frozenset[str]] = {
    "kubectl oc k": _words(
        "delete apply create patch scale drain cordon uncordon taint label annotate replace set run cp "
        "expose autoscale restart undo pause resume prune new-app start-build approve deny evict "
        "import-image add-scc-to-user add-role-to-user add-cluster-role-to-user remove-scc-from-user "
        "remove-role-from-user"
    ),
    "helm": _words("install upgrade uninstall rollback delete push"),
    "systemctl service rc-service": _words(
        "start stop restart reload enable disable mask unmask kill daemon-reload isolate reset-failed "
        "set-property reboot poweroff halt"
    ),
    "docker podman nerdctl crictl docker-compose": _words(
        "rm rmi stop kill run restart start pause unpause prune push pull build tag update up down create "
        "load import commit rename"
    ),
    "git": _words(
        "push commit reset checkout switch merge rebase clean rm mv pull clone tag revert stash "
        "cherry-pick init add apply am gc"
    ),
    "etcdctl": _words(
        "put del defrag compact compaction move-leader add remove update restore disarm grant enable"
    ),
    "terraform tofu pulumi": _words("apply destroy import taint untaint up rm push"),
    "redis-cli valkey-cli": _words(
        "set del flushall flushdb shutdown expire rename unlink failover reset bgsave"
    ),
    "apt apt-get yum dnf apk zypper brew snap": _words(
        "install remove purge upgrade update autoremove add del dist-upgrade"
    ),
    "pip pip3 npm yarn gem cargo go conda": _words("install uninstall publish add remove get update"),
    "consul vault nomad": _words("put delete write force-leave leave join unseal seal stop run"),
    "ceph rbd rados": _words(
        "out in down reweight set unset rm create purge repair deep-scrub scrub enable disable "
        "set-quota delete"
    ),
    "zfs zpool lvm btrfs": _words(
        "create destroy set scrub clear import export rollback add remove replace rename send receive "
        "promote inherit offline online attach detach upgrade"
    ),
    "certbot": _words("certonly renew revoke delete run install"),
    "virtctl virsh qm pct": _words(
        "start stop restart reboot reset shutdown destroy delete migrate pause unpause suspend resume "
        "create clone define undefine rollback snapshot addvolume removevolume undefine setvcpus setmem"
    ),
    "pvecm pveam pvesm": _words("add addnode delnode create download remove set"),
    "fail2ban-client": _words("set reload start stop restart unban"),
    "amtool": _words("add expire import"),
    "gh glab": _words("create merge close reopen delete edit run rerun cancel"),
    "alembic flyway liquibase yoyo dbmate": _words("upgrade downgrade migrate apply rollback up down clean"),
    "ip": _words("add del set flush replace"),
    "kafka-topics.sh kafka-topics kafka-configs.sh": _words("--delete --create --alter"),
    "rabbitmqctl": _words(
        "delete_queue purge_queue stop_app start_app reset add_user delete_user set_policy "
        "forget_cluster_node"
    ),
    "nodetool": _words("repair drain decommission removenode cleanup compact flush rebuild assassinate stop"),
    "argocd flux": _words("sync delete rollback set suspend resume reconcile create"),
    "supervisorctl pm2": _words("start stop restart reload update delete shutdown"),
    "nginx apachectl": _words("reload stop restart graceful"),
    "swift s3cmd mc rclone gsutil": _words("rm cp mv sync delete put rb mb upload rsync move copy"),
}
CHANGES = {name: verbs for names, verbs in _VERBS.items() for name in names.split()}
