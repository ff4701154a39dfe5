# shellcheck shell=bash
# closed.sh - a closed network for tests: sourced after mesh.sh, by a script that has written configs with mesh_config.
#
#   closed_network NAME...   makes an identity for each, one network key, and puts "security" with the list of all as members
#                            into $dir/NAME.json. Keys are in $dir/NAME.key and $dir/network.key
#   closed_key NAME          the public key

closed_key() { # of a file that slowctl made: 44 characters of base64 are all that can be a key
    "$bin/slowctl" identity "$dir/$1.key" | grep -Eo '[A-Za-z0-9+/]{43}=' | head -n 1
}

closed_network() { # NAME...
    local name members=''
    (umask 077 && head -c 32 /dev/urandom | base64 >"$dir/network.key") || return
    for name in "$@"; do
        "$bin/slowctl" keygen "$dir/$name.key" >/dev/null || return
        members+="${members:+, }{\"id\": \"$name\", \"key\": \"$(closed_key "$name")\"}"
    done
    for name in "$@"; do
        sed -i "1s|{|{\"security\": {\"plugin\": \"security-noise\", \"identity\": \"$dir/$name.key\", \
\"network_key\": \"$dir/network.key\", \"members\": [$members]}, |" "$dir/$name.json" || return
    done
}
