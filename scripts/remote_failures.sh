# Sourced by deploy.sh: what went wrong between here and the device, in words, and what to do about it.
#
# Each function reads the words of ssh or of the device's tools, and sets `problem` and `remedy`. They are looked for in
# English: ssh's own words are, and what the system adds is when LC_ALL is C.

# ssh_failure WORDS TARGET PORT: why nobody could log in (PORT is empty where ssh's configuration says it).
ssh_failure() {
    local target=$2 host=${2#*@} port=$3 login="ssh${3:+ -p $3} $2"
    case $1 in
        *"Could not resolve hostname"*)
            problem="\`$host\` is not known here: no address was found for the name"
            remedy="look at the spelling; a name that ends in \`.local\` is known only in the device's own network, and \
where this computer understands mDNS (on Debian: \`apt install libnss-mdns\`); its address, such as 192.168.1.20, works too"
            ;;
        *"IDENTIFICATION HAS CHANGED"*)
            problem="\`$host\` has another host key than the one that is known here"
            remedy="if its system was installed anew, or another device has its address now, forget the old key with \
\`ssh-keygen -R $([[ -z $port ]] && printf %s "$host" || printf "'[%s]:%s'" "$host" "$port")\` and log in once with \
\`$login\`; if not, somebody may be between you and it"
            ;;
        *"Host key verification failed"*)
            problem="the host key of \`$host\` is not known here yet"
            remedy="log in once with \`$login\`, and accept the key if it is the device's"
            ;;
        *"Too many authentication failures"*)
            problem="\`$target\` was offered too many keys, and hung up before the right one"
            remedy="name the key for this host in ~/.ssh/config: \`IdentityFile\`, and \`IdentitiesOnly yes\`"
            ;;
        *"Permission denied ("*password* | *"Permission denied ("*keyboard-interactive*)
            problem="\`$target\` asks for a password: no key of yours is accepted there"
            remedy="\`ssh-copy-id${port:+ -p $port} $target\` lets your key in; is the user's name right?"
            ;;
        *"Permission denied ("*)
            problem="\`$target\` accepts no key of yours, and no password either"
            remedy="add your public key to ~/.ssh/authorized_keys there, at its own keyboard or in the imager that made \
its card; is the user's name right?"
            ;;
        *"Connection refused"*)
            problem="\`$host\` is there, but no ssh server answers on port ${port:-22}"
            remedy="turn ssh on: \`sudo raspi-config\` there, or an empty file \`ssh\` in the card's boot partition; is \
the port right? after a start it takes a minute"
            ;;
        *"timed out"* | *"No route to host"* | *"Network is unreachable"* | *"Host is down"*)
            problem="\`$host\` does not answer"
            remedy="is it on, and in the same network? \`ping ${host}\` says more"
            ;;
        *"Connection closed"* | *"Connection reset"* | *"closed by remote host"*)
            problem="\`$host\` hung up before the login"
            remedy="it may be starting still, or blocking this computer after failed logins: wait a minute, and look at \
\`$login\`"
            ;;
        *)
            problem="ssh cannot log in to \`$target\`"
            remedy="\`$login\` must work, without a password"
            ;;
    esac
}

# shell_noise SAID SHELL: what to do about a start file that prints; SHELL is the device's login shell, or empty.
shell_noise() {
    problem="a start file of the shell there prints \`$1\`, also in sessions that are no terminal: no file can be copied"
    case ${2##*/} in
        bash) remedy="put \`case \$- in *i*) ;; *) return ;; esac\` at the top of ~/.bashrc there" ;;
        zsh) remedy="move what prints from ~/.zshenv there to ~/.zshrc" ;;
        fish) remedy="put \`status is-interactive; or exit\` at the top of ~/.config/fish/config.fish there" ;;
        *) remedy="have it print only where \`[ -t 1 ]\` holds" ;;
    esac
    remedy+="; it may be ~/.ssh/rc or a file in /etc as well"
}

# disk_failure WORDS: why `~/tinylm` cannot be used.
disk_failure() {
    case $1 in
        *"No space left"* | *uota\ exceeded*)
            problem="the disk is full there"
            remedy="see \`df -h ~; df -i ~\` there, and remove old releases from ~/tinylm/releases"
            ;;
        *"Read-only file system"*)
            problem="the file system is read-only there"
            remedy="a card that fails is often mounted so: see \`dmesg | tail\` there"
            ;;
        *"Permission denied"* | *"Operation not permitted"*)
            problem="\`~/tinylm\` belongs to somebody else there"
            remedy="see \`ls -ld ~ ~/tinylm ~/tinylm/*\` there"
            ;;
        *)
            problem="\`~/tinylm\` cannot be used there"
            remedy="it must be a folder to write in, and \`current\` in it a link or nothing"
            ;;
    esac
}
