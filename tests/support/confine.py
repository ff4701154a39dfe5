#!/usr/bin/env python3
"""Runs a command under the restrictions of a systemd unit, without systemd: for tests on machines where it is not process 1.

    confine.py UNIT ROOT BUILD [COMMAND...]     COMMAND instead of what stands at ExecStart=

What stands in the unit is applied, so the test follows the file; a directive that is neither known here nor named in IGNORED
is an error. The namespaces are made by hand: a root of read-only binds of /usr and the like, with ROOT/etc, ROOT/state and
ROOT/run for /etc/slow, the state directory and the runtime directory, and BUILD (a build folder) in the place where the unit
looks for the program. The seccomp filter is made of the sets that `systemd-analyze syscall-filter` prints, and of the
directives that systemd itself turns into one. Exit code 77: this machine does not allow namespaces."""
import ctypes
import errno
import os
import re
import resource
import struct
import subprocess
import sys

SKIPPED = 77
# Not restrictions, or such as need process 1 and its cgroups.
IGNORED = set('''Type ExecStart Restart RestartSec RestartPreventExitStatus MemoryMax TasksMax KeyringMode RemoveIPC StateDirectoryMode
    RuntimeDirectoryMode PrivateMounts ProtectControlGroups ProtectKernelTunables ProtectSystem ProtectHome PrivateTmp
    PrivateDevices ProtectProc ProcSubset User Group StateDirectory RuntimeDirectory AmbientCapabilities'''.split())
SYSTEM_PATHS = ('/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32')
ETC = ('ld.so.cache', 'ld.so.conf', 'nsswitch.conf', 'hosts', 'resolv.conf', 'localtime', 'gai.conf')
DEVICES = ('null', 'zero', 'full', 'random', 'urandom')
NOBODY = 65534
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x10000000, 0x4000000, 0x8000000
NAMESPACES = 0x7E020080  # all CLONE_NEW*
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 24, 22, 2
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f'{what}: {os.strerror(number)}')


def read_unit(path):
    """[Service] as {key: [words]}; what stands there several times is added up."""
    unit, section = {}, ''
    for line in open(path):
        line = line.strip()
        if line.startswith('['):
            section = line
        elif section == '[Service]' and '=' in line and line[0] not in '#;':
            key, value = line.split('=', 1)
            unit.setdefault(key, []).append(value.strip())
    return unit


# ---- namespaces


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda text: None if text is None else text.encode()
    check(libc.mount(encode(source), target.encode(), encode(kind), flags, encode(data)), f'mount {target}')


def bind(source, target, read_only=True):
    (os.makedirs if os.path.isdir(source) else lambda p: open(p, 'w').close())(target) if not os.path.exists(target) else None
    mount(source, target, flags=MS_BIND | MS_REC)
    if read_only:
        mount(None, target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID)


def enter_namespaces():
    flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        flags |= CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        print(f'confine.py: no namespaces here: {os.strerror(ctypes.get_errno())}', file=sys.stderr)
        sys.exit(SKIPPED)
    if uid != 0:
        open('/proc/self/setgroups', 'w').write('deny')
        open('/proc/self/uid_map', 'w').write(f'0 {uid} 1')
        open('/proc/self/gid_map', 'w').write(f'0 {gid} 1')
    mount(None, '/', flags=MS_REC | MS_PRIVATE)


def make_root(unit, root, build):
    """ProtectSystem=strict, ProtectHome, PrivateTmp, PrivateDevices, and the two directories of the unit."""
    program = unit['ExecStart'][0].split()[0]
    new = os.path.join(root, 'new')
    os.makedirs(new, exist_ok=True)
    mount('tmpfs', new, 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=755')
    for path in SYSTEM_PATHS:
        if os.path.islink(path):
            os.symlink(os.readlink(path), new + path)
        elif os.path.isdir(path):
            bind(path, new + path)
    for folder in ('etc', 'dev', 'proc', 'sys', 'tmp', 'run', 'home', 'root', 'var/lib'):
        os.makedirs(f'{new}/{folder}')
    for name in ETC:
        if os.path.exists(f'/etc/{name}'):
            bind(os.path.realpath(f'/etc/{name}'), f'{new}/etc/{name}')
    bind(f'{root}/etc', f'{new}/etc/slow')
    for name in DEVICES:
        bind(f'/dev/{name}', f'{new}/dev/{name}', read_only=False)
    bind('/proc', f'{new}/proc')
    bind('/sys', f'{new}/sys')
    prefix = os.path.dirname(os.path.dirname(program))
    for folder in ('bin', 'lib'):  # its libraries and plugins are found from where it lies
        bind(f'{build}/{folder}', f'{new}{prefix}/{folder}')
    bind(f'{root}/state', f'{new}/var/lib/{unit["StateDirectory"][0]}', read_only=False)
    bind(f'{root}/run', f'{new}/run/{unit["RuntimeDirectory"][0]}', read_only=False)
    mount('tmpfs', f'{new}/tmp', 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=1777')
    mount(None, new, flags=MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir(new)
    check(libc.syscall(number_of('pivot_root'), b'.', b'.'), 'pivot_root')
    check(libc.umount2(b'.', 2), 'umount')  # the old root, below the new one; detached
    os.chdir('/')


# ---- seccomp


def number_of(name, numbers={}):
    if not numbers:
        text = subprocess.run(['gcc', '-E', '-dM', '-x', 'c', '-'], input='#include <asm/unistd.h>\n', text=True,
                              capture_output=True, check=True).stdout
        numbers.update((n, int(v)) for n, v in re.findall(r'#define __NR_(\w+) (\d+)\n', text))
    return numbers.get(name)


def sets_of_calls(sets={}):
    """{'@name': [words]}, as systemd knows them."""
    if not sets:
        text = subprocess.run(['systemd-analyze', 'syscall-filter'], text=True, capture_output=True, check=True).stdout
        name = None
        for line in text.splitlines():
            if line.startswith('@'):
                name = line.strip()
                sets[name] = []
            elif line.startswith('#'):
                name = None
            elif name is not None and line.strip() and not line.strip().startswith('#'):
                sets[name].append(line.strip())
    return sets


def resolve(word, seen=None):
    """A set (@name) or a call, as a set of numbers; calls of other machines have none."""
    seen = set() if seen is None else seen
    if not word.startswith('@'):
        return {number_of(word)} - {None}
    if word in seen:
        return set()
    seen.add(word)
    return set().union(*(resolve(inner, seen) for inner in sets_of_calls()[word]))


def allowed_calls(unit):
    allowed = resolve('@default')
    for value in unit['SystemCallFilter']:
        words = value.lstrip('~').split()
        for word in words:
            allowed = allowed - resolve(word) if value.startswith('~') else allowed | resolve(word)
    return allowed | resolve('@default')  # systemd never takes these away


class Filter:
    """A seccomp program of rules that end in a verdict, or fall through to the next."""

    def __init__(self):
        self.code = []

    def add(self, code, k, yes=0, no=0):
        self.code.append(struct.pack('=HBBI', code, yes, no, k & 0xFFFFFFFF))

    def load(self, offset):
        self.add(0x20, offset)

    def give(self, verdict):
        self.add(0x06, verdict)

    def argument(self, i, high=False):
        self.load(16 + 8 * i + (4 if high else 0))

    def call(self, name, *test):
        """test: lines that run when the call is `name`; each (code, k, yes, no) relative to the next."""
        number = number_of(name)
        if number is None:
            return
        self.load(0)
        self.add(0x15, number, 0, len(test))
        for line in test:
            self.add(*line)


def load_argument(i):
    return (0x20, 16 + 8 * i)


def make_filter(unit):
    f = Filter()
    on = lambda key: unit.get(key, ['no'])[-1] == 'yes'
    deny = (0x06, ERRNO | errno.EPERM)
    arch = {'x86_64': 0xC000003E, 'aarch64': 0xC00000B7}[os.uname().machine]
    f.load(4)
    f.add(0x15, arch, 1, 0)
    f.give(KILL)
    if os.uname().machine == 'x86_64':  # x32 is another architecture, with the same name
        f.load(0)
        f.add(0x35, 0x40000000, 0, 1)
        f.give(KILL)
    families = [getattr(__import__('socket'), name) for name in unit['RestrictAddressFamilies'][0].split()]
    tests = [load_argument(0)] + [(0x15, int(family), len(families) - i, 0) for i, family in enumerate(families)]
    f.call('socket', *tests, (0x06, ERRNO | errno.EAFNOSUPPORT))
    if on('RestrictNamespaces'):
        for name, argument in (('unshare', 0), ('clone', 0), ('setns', 1)):
            f.call(name, load_argument(argument), (0x45, NAMESPACES, 0, 1), deny)
        f.call('clone3', (0x06, ERRNO | errno.ENOSYS))
        f.call('setns', load_argument(1), (0x15, 0, 0, 1), deny)
    if on('MemoryDenyWriteExecute'):
        f.call('mmap', load_argument(2), (0x54, 6), (0x15, 6, 0, 1), deny)  # PROT_WRITE | PROT_EXEC
        for name in ('mprotect', 'pkey_mprotect'):
            f.call(name, load_argument(2), (0x45, 4, 0, 1), deny)
        f.call('shmat', load_argument(2), (0x45, 0o100000, 0, 1), deny)
    if on('LockPersonality'):
        f.call('personality', load_argument(0), (0x15, 0xFFFFFFFF, 1, 0), deny)
    if on('RestrictSUIDSGID'):
        for name, argument in (('chmod', 1), ('fchmod', 1), ('fchmodat', 2), ('mknod', 1), ('mknodat', 2)):
            f.call(name, load_argument(argument), (0x45, 0o6000, 0, 1), deny)
    if on('RestrictRealtime'):
        f.call('sched_setscheduler', load_argument(1), (0x15, 0, 1, 0), deny)
    refused = set()
    for key, names in (('ProtectClock', '@clock'), ('ProtectKernelLogs', 'syslog'), ('ProtectKernelModules', '@module'),
                       ('ProtectHostname', 'sethostname'), ('PrivateDevices', '@raw-io')):
        if on(key):
            refused |= resolve(names)
    # The command itself has to be started, whatever the filter says of that.
    for number in sorted((allowed_calls(unit) - refused) | {number_of('execve')}):
        f.load(0)
        f.add(0x15, number, 0, 1)
        f.give(ALLOW)
    f.give(KILL)
    return b''.join(f.code), len(f.code)


# ---- the rest


def drop_rights(unit):
    if unit.get('CapabilityBoundingSet') == ['']:
        for capability in range(64):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(unit['LimitNOFILE'][0]),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (int(unit['LimitCORE'][0]),) * 2)
    os.umask(int(unit['UMask'][0], 8))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    unit, root, build = read_unit(sys.argv[1]), os.path.realpath(sys.argv[2]), os.path.realpath(sys.argv[3])
    command = sys.argv[4:] or unit['ExecStart'][0].split()
    known = IGNORED | {'SystemCallFilter', 'SystemCallArchitectures', 'RestrictAddressFamilies', 'RestrictNamespaces',
                       'MemoryDenyWriteExecute', 'LockPersonality', 'RestrictSUIDSGID', 'RestrictRealtime',
                       'ProtectClock', 'ProtectKernelLogs', 'ProtectKernelModules', 'ProtectHostname', 'NoNewPrivileges',
                       'CapabilityBoundingSet', 'LimitNOFILE', 'LimitCORE', 'UMask'}
    unknown = set(unit) - known
    if unknown:
        sys.exit(f'confine.py: {sys.argv[1]}: {", ".join(sorted(unknown))}: not known here; teach it, or name it in IGNORED')
    code, lines = make_filter(unit)
    privileged = os.getuid() == 0
    enter_namespaces()
    make_root(unit, root, build)
    drop_rights(unit)
    if privileged:  # User=: nobody here has that name
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'no new privileges')
    text = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack('@HP', lines, ctypes.addressof(text)))
    environment = {'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8'}
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0), 'seccomp')
    os.execve(command[0], command, environment)


main()
