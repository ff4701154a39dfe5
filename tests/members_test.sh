#!/usr/bin/env bash
# Keys, certificates and members as a person handles them: slowctl keygen, identity, network-key, authority and members, and
# what slow-router says of files and configs that are not right. Run by ctest; by hand: SLOW_BUILD=build/dev
# tests/members_test.sh
set -u

bin=$(realpath "${SLOW_BUILD:?the build folder}")/bin
dir=$(mktemp -d /tmp/slow-members-XXXXXX)
cd "$dir" || exit 1
failures=0 pid=
trap '[[ -z $pid ]] || kill -KILL $pid; rm -rf "$dir"' EXIT
unset SLOW_SOCKET
umask 000 # the files are closed all the same

says() { # PATTERN: stdin is one line that matches it
    local text
    text=$(cat)
    [[ $(wc -l <<<"$text") == 1 ]] && grep -Eq -- "$1" <<<"$text" && return
    echo "    expected one line like: $1"
    echo "    got: $text"
    return 1
}

exits() { # CODE COMMAND...
    local wanted=$1 code
    shift
    "$@" >out 2>err
    code=$?
    [[ $code == "$wanted" ]] && return
    echo "    expected exit code $wanted, got $code: $*"
    cat out err
    return 1
}

run() { # TEST
    if "$1" >said 2>&1; then
        echo "ok       $1"
    else
        failures=$((failures + 1))
        echo "NOT OK   $1"
        cat said
    fi
}

ctl() { timeout 20 "$bin/slowctl" "$@"; }
key() { ctl identity "$1" | awk '/^key/ { print $2 }'; }
mode() { stat -c %a "$1"; }

# ---- keys ----

keygen_makes_a_file_that_only_its_owner_can_read() {
    exits 0 ctl keygen alice.key && grep -Eq '^key +[A-Za-z0-9+/]{43}=$' out &&
        grep -Eq '^fingerprint +[a-z2-7]{32}$' out && [[ $(wc -l <out) == 2 && $(mode alice.key) == 600 ]] &&
        [[ $(wc -lc <alice.key | tr -s ' ') == " 1 45" ]] && ! grep -qF -- "$(cat alice.key)" out
}

keygen_overwrites_nothing() {
    local before
    before=$(cat alice.key)
    exits 1 ctl keygen alice.key && says '^slowctl: alice.key: is there already, and is never overwritten' <err &&
        exits 1 ctl network-key alice.key && exits 1 ctl authority new alice.key && [[ $(cat alice.key) == "$before" ]] &&
        ln -s elsewhere link.key && exits 1 ctl keygen link.key && [[ ! -e elsewhere ]]
}

identity_shows_what_is_public() {
    exits 0 ctl --json identity alice.key &&
        says '^\{"file":"alice.key","key":"[^"]{44}","fingerprint":"[a-z2-7]{32}"\}$' <out &&
        exits 1 ctl identity none.key && says 'none.key: cannot be opened: No such file' <err &&
        echo nonsense >bad.key && chmod 600 bad.key && exits 1 ctl identity bad.key &&
        says 'bad.key: is no key; expected 32 bytes in base64 on one line' <err
}

a_file_that_others_can_read_is_named_with_the_chmod() {
    local code=0
    chmod 640 alice.key
    exits 1 ctl identity alice.key &&
        says '^slowctl: others can read or change this secret \(mode 0640\): chmod 600 alice.key$' <err || code=1
    chmod 600 alice.key
    return $code
}

a_network_key_is_made_and_not_shown() {
    exits 0 ctl network-key net.key && [[ $(mode net.key) == 600 ]] && says '^net.key: a new network key' <out &&
        ! grep -qF -- "$(cat net.key)" out && exits 0 ctl --json network-key net2.key && says '^\{"file":"net2.key"\}$' <out &&
        ! cmp -s net.key net2.key
}

# ---- an authority ----

an_authority_signs_a_certificate() {
    exits 0 ctl authority new root.key && [[ $(mode root.key) == 600 ]] &&
        exits 0 ctl authority sign root.key --network plant --id alice --key "$(key alice.key)" -o alice.cert &&
        says '^alice.cert: .{44} may use the id alice in the network plant, as relay, until 20[0-9-]+ [0-9:]+ UTC$' <out &&
        head -1 alice.cert | says '^-----BEGIN SLOW CERTIFICATE-----$' && [[ $(mode alice.cert) == 644 ]] &&
        exits 0 ctl authority sign root.key --network plant --id bob --key "$(key alice.key)" &&
        tail -1 out | says '^-----END SLOW CERTIFICATE-----$' &&
        exits 0 ctl --json authority sign root.key --network plant --id bob --key "$(key alice.key)" --roles leaf,admin --days 0.5 &&
        says '^\{"network":"plant","id":"bob","key":"[^"]*","roles":\["leaf","admin"\],"not_before":[0-9]+,"not_after":[0-9]+,"certificate":"-----BEGIN' <out &&
        exits 0 ctl authority sign root.key --network plant --id bob --key "$(key alice.key)" --roles leaf -o bob.cert &&
        says '^bob.cert: .{44} may use the id bob in the network plant, as leaf, until ' <out
}

a_certificate_says_what_is_in_it() {
    exits 0 ctl authority show alice.cert && grep -q '^id       alice$' out && grep -q '^roles    relay$' out &&
        grep -Eq '^until    20[0-9-]+ [0-9:]+ UTC$' out && grep -qF "key      $(key alice.key)" out &&
        exits 0 ctl --json authority show alice.cert &&
        says '^\{"network":"plant","id":"alice","key":"[^"]*","roles":\["relay"\],"not_before":[0-9]+,"not_after":[0-9]+\}$' <out &&
        exits 1 ctl authority show root.key && says 'root.key: is no certificate' <err &&
        exits 1 ctl identity alice.cert && says 'alice.cert: is a certificate, and holds no secret key; slowctl authority show' <err &&
        exits 0 ctl --version && says '^slowctl [0-9]+\.[0-9]+\.[0-9]+' <out
}

what_cannot_be_signed_is_one_line() {
    local sign=(ctl authority sign root.key --network plant --id bob) public
    public=$(key alice.key)
    exits 2 "${sign[@]}" && says 'needs --network, --id and --key' <err &&
        exits 1 "${sign[@]}" --key "${public:1}" && says 'this is no public key; expected the 44 characters' <err &&
        exits 1 "${sign[@]}" --key "$public" --roles king && says '"king" are no roles; expected relay or leaf' <err &&
        exits 2 "${sign[@]}" --key "$public" --days 0 && says 'expected a number of days up to 3652, not 0' <err &&
        exits 2 "${sign[@]}" --key "$public" --days 1e9 && exits 2 "${sign[@]}" --key "$public" --days -1 &&
        exits 1 "${sign[@]}" --key "$public" -o nowhere/bob.cert && says 'nowhere/bob.cert: cannot be written: No such' <err &&
        exits 1 ctl authority sign alice.cert --network plant --id bob --key "$public" && says 'chmod 600 alice.cert' <err &&
        exits 2 ctl authority bless root.key && says 'expected slowctl authority new, sign, show or revoke, not bless' <err &&
        exits 2 ctl authority new root2.key --key "$public" && says 'expected slowctl authority new FILE' <err &&
        exits 2 ctl authority new && exits 2 ctl keygen a b && exits 2 ctl keygen x.key --days 3 && [[ ! -e x.key ]]
}

revoking_adds_a_line_once() {
    exits 0 ctl authority revoke revoked --key "$(key alice.key)" &&
        says '^revoked: .{44} is revoked; routers that run take it up with slowctl members reload$' <out &&
        exits 0 ctl authority revoke revoked --key "$(key alice.key)" && says ' was revoked already;' <out &&
        [[ $(cat revoked) == "$(key alice.key)" ]] && exits 0 ctl --json authority revoke revoked --key "$(key root.key)" &&
        says '^\{"file":"revoked","key":"[^"]*","added":true\}$' <out && [[ $(wc -l <revoked) == 2 ]] &&
        exits 1 ctl authority revoke revoked --key alice && says 'this is no public key' <err &&
        exits 2 ctl authority revoke revoked && says 'needs --key' <err && [[ $(ls -d revoked*) == revoked ]]
}

# ---- a router ----

config() { # MORE: a config of alice's, with this at the end of "security"
    cat <<END
{"id": "alice", "network": "plant", "admin": {"socket": "$dir/alice"},
 "security": {"plugin": "security-noise", "identity": "alice.key", "network_key": "net.key"$1}}
END
}

until_refused() { # its certificate has a second to live
    for ((i = 0; i < 500; i++)); do
        "$bin/slow-router" --check x.json >/dev/null 2>&1 || return 0
        sleep 0.02
    done
    return 1
}

a_config_with_a_mistake_starts_nothing() {
    local check=(exits 2 "$bin/slow-router" --check x.json)
    ctl authority sign root.key --network office --id alice --key "$(key alice.key)" -o office.cert >out &&
        config ', "certificate": "office.cert"' >x.json && "${check[@]}" &&
        says 'x.json:2: security.certificate: is for the network "office"; this junction.s is "plant"' <err &&
        ctl authority sign root.key --network plant --id alice --key "$(key alice.key)" --days 0.00001 -o short.cert >out &&
        config ', "certificate": "short.cert"' >x.json && until_refused && "${check[@]}" &&
        says 'x.json:2: security.certificate: ran out on 20.*; expected a new one from the authority' <err &&
        config ', "members": [{"id": "bob", "key": "'"$(key root.key)"'", "roles": ["leaf", "relay"]}]' >x.json && "${check[@]}" &&
        says 'x.json:2: security.members\[0\].roles: a member is a relay or a leaf, not both' <err &&
        chmod 604 net.key && config '' >x.json && "${check[@]}" &&
        says 'x.json:2: security.network_key: others can read .*\(mode 0604\): chmod 600 net.key' <err &&
        chmod 600 net.key && exits 0 "$bin/slow-router" --check x.json
}

a_check_warns_as_the_start_does() {
    config ', "authority": ["'"$(key root.key)"'"]' >x.json && exits 0 "$bin/slow-router" --check x.json &&
        says '^x.json: ok$' <out && says "^slow-router: x.json: warning: this junction's id has no credential" <err &&
        config ', "authority": ["'"$(key root.key)"'"], "certificate": "alice.cert"' >x.json &&
        exits 0 "$bin/slow-router" --check x.json && [[ ! -s err ]]
}

start() { # CONFIG
    "$bin/slow-router" -c "$1" 2>>log &
    pid=$!
    for ((i = 0; i < 500; i++)); do
        ctl -s alice status >out 2>&1 && return
        sleep 0.02
    done
    cat log
    return 1
}

stop() {
    kill "$pid" && wait "$pid"
    pid=
}

members_are_listed() {
    exits 0 ctl -s alice --json members &&
        says '^\{"closed":true,"id":"alice","key":"[^"]{44}","roles":\["relay"\],"until":[0-9]{10},"fingerprint":"[a-z2-7]{32}","network":"plant","end_to_end":true,"members":\[\{"id":"bob",.*"revoked":true\}\],"authority":\["[^"]{44}"\],"revoked":1,"linked":\[\],"paired":\[\],"refused":\{"network":0,"network_key":0,"no_identity":0,.*"revoked":0\},"signatures_checked":0' <out &&
        exits 0 ctl -s alice members && grep -Eq '^bob +.{44} +leaf +- +revoked +no +no$' out &&
        grep -Eq '^its own certificate runs out at 20[0-9-]+ [0-9:]+ UTC$' out && grep -q '^revoked keys: 1$' out && grep -q '^refused: nobody$' out
}

a_changed_list_is_taken_up() {
    : >out-list
    exits 0 ctl -s alice members reload && grep -q '^revoked keys: 0$' out && grep -Eq '^bob .* members +no +no$' out &&
        echo nonsense >out-list && exits 1 ctl -s alice members reload && says 'out-list:1: is no public key.*; the old list stays in force' <err &&
        grep -q 'error security: out-list:1: .*; the old list stays in force' log &&
        exits 2 ctl -s alice members relaod && says 'expected slowctl members \[reload\], not members relaod' <err &&
        exits 0 ctl -s alice members && grep -q '^revoked keys: 0$' out
}

without_an_identity_everybody_is_welcome() {
    exits 0 ctl -s alice members && says '^this junction has no identity: everybody may be its neighbour$' <out &&
        exits 0 ctl -s alice --json members && says '^\{"closed":false\}$' <out &&
        exits 1 ctl -s alice members reload && says 'the config names no file of revoked keys' <err
}

no_secret_is_in_what_was_said() {
    local file
    for file in alice.key net.key root.key; do
        ! grep -rqF -- "$(cat $file)" log out err ./*.json ./*.cert || return 1
    done
    # Nor in the command line or the environment of the router, nor in its memory's map of files.
    ! grep -qaF -- "$(cat net.key)" "/proc/$pid/cmdline" "/proc/$pid/environ"
}

for test in keygen_makes_a_file_that_only_its_owner_can_read keygen_overwrites_nothing identity_shows_what_is_public \
    a_file_that_others_can_read_is_named_with_the_chmod a_network_key_is_made_and_not_shown \
    an_authority_signs_a_certificate a_certificate_says_what_is_in_it what_cannot_be_signed_is_one_line revoking_adds_a_line_once \
    a_config_with_a_mistake_starts_nothing a_check_warns_as_the_start_does; do
    run $test
done
ctl keygen bob.key >out
key bob.key >out-list
config ', "members": [{"id": "bob", "key": "'"$(key bob.key)"'", "roles": ["leaf"]}], "authority": ["'"$(key root.key)"'"],
         "certificate": "alice.cert", "revoked": "out-list"' >alice.json
start alice.json
run members_are_listed
run a_changed_list_is_taken_up
run no_secret_is_in_what_was_said
stop
echo '{"id": "alice", "admin": {"socket": "'"$dir"'/alice"}}' >open.json
start open.json
run without_an_identity_everybody_is_welcome
stop
exit $((failures > 0))
