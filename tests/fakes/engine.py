"""llama.cpp's server, the real one, as a process: `python -m tests.fakes.engine FILE PORT`.

Says its address when it answers, and ends when its standard input does."""

import sys

PARALLEL = 4


def main() -> None:
    import xllamacpp  # type: ignore[import-untyped] # slow import; has no stubs

    params = xllamacpp.CommonParams()
    params.model.path, params.port = sys.argv[1], int(sys.argv[2])
    params.hostnames = ["127.0.0.1"]
    params.model_alias = {"tiny"}
    params.n_ctx, params.n_parallel, params.n_gpu_layers = 8192, PARALLEL, 0
    params.cpuparams.n_threads = 1
    params.endpoint_metrics = params.endpoint_slots = True
    params.warmup = False
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
