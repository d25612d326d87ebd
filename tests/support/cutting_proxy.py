"""A proxy in front of the store that loses replies: what a client sees when a connection breaks at the worst moment."""

import socket
import threading


class CuttingProxy:
    """Forwards to a Unix socket. After it forwarded a command named in `cut_after`, it swallows the reply and hangs up.

    `cuts` says how many replies it still loses. `freeze` stops it from answering anything.
    """

    def __init__(self, store_path: str) -> None:
        self._store_path = store_path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cut_after = b"EXEC"
        self.cuts = 0
        self.before_cut = lambda: None
        self.frozen = False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        store = socket.socket(socket.AF_UNIX)
        store.connect(self._store_path)
        self._open.append(store)
        try:
            while not self.frozen and (sent := client.recv(1 << 20)):
                store.sendall(sent)
                reply = store.recv(1 << 20)
                if self.cut_after in sent and self.cuts > 0:
                    self.cuts -= 1
                    self.before_cut()
                    return
                if not self.frozen:
                    client.sendall(reply)
        except OSError:
            return
        finally:
            if not self.frozen:
                client.close()
                store.close()
