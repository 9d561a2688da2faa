"""The AWS CLI, loaded once for all tests.

Most of what one `aws` command costs is Python loading the CLI. Python imports this module before the `aws` script
runs; with a socket named in the environment the script never does: for each request from the socket a process is
forked that enters the requester's namespaces, takes its environment, files and arguments, and is the CLI from there.

What such a process had to load beyond, modules and service models, it tells, so that the next one finds it loaded.
"""

import os


def serve(path):
    import gc, importlib, json, select, signal, socket, sys, traceback

    before = dict(os.environ)
    import awscli.clidriver
    import awscli.handlers
    own = {name: value for name, value in os.environ.items() if before.get(name) != value}  # where it finds its files

    from botocore.loaders import JSONFileLoader

    files, load = {}, JSONFileLoader.load_file

    def load_file(self, name):
        if name not in files:
            files[name] = load(self, name)
        return files[name]

    JSONFileLoader.load_file = load_file

    def be_the_cli(request, told):
        modules, models = set(sys.modules), set(files)
        order = receive(request)
        os.environ.update(own)
        sys.argv = ["aws", *order["args"]]
        code = 255
        try:
            code = awscli.clidriver.main()
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            request.sendall(b"%d" % (code or 0))
            told.send(json.dumps([[m for m in sys.modules if m not in modules], [f for f in files if f not in models]]).encode())

    def learn(news):
        modules, models = json.loads(news)
        for module in modules:
            try:
                importlib.import_module(module)
            except Exception:
                pass  # not one that can be had alone
        for model in models:
            JSONFileLoader().load_file(model)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    door = socket.socket(socket.AF_UNIX)
    door.bind(path + ".new")
    door.listen(64)
    os.rename(path + ".new", path)  # whoever finds it is answered
    hear, tell = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    while True:
        ready = select.select([0, hear, door], [], [])[0]
        if 0 in ready:
            return  # the tests have ended
        if hear in ready:
            learn(hear.recv(1 << 20))
            continue
        request, _ = door.accept()
        gc.freeze()  # the collector leaves alone what all share
        if os.fork() == 0:
            try:
                gc.disable()
                door.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                be_the_cli(request, tell)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(70)
        request.close()


def receive(request):
    """Reads a request and makes this process the one that asked, as far as the CLI can see."""
    import ctypes, fcntl, json, signal, socket, time

    text, given, _, _ = socket.recv_fds(request, 1 << 16, 5)
    while more := request.recv(1 << 16):
        text += more
    # Who asked and is gone needs no answer.
    signal.signal(signal.SIGIO, lambda *_: os._exit(130))
    fcntl.fcntl(request, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(request, fcntl.F_SETFL, fcntl.fcntl(request, fcntl.F_GETFL) | os.O_ASYNC)
    libc = ctypes.CDLL(None, use_errno=True)
    for fd in given[3:]:
        if libc.setns(fd, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    for fd in range(3):
        os.dup2(given[fd], fd)
    for fd in given:
        os.close(fd)
    order = json.loads(text)
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(e.split("=", 1) for e in order["environment"])
    time.tzset()
    return order


if os.environ.get("CLOISTER_CLERK_SERVES"):
    try:
        serve(os.environ["CLOISTER_CLERK_SERVES"])
    finally:
        os._exit(0)
