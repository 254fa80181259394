<?php
// count.php ID N: N times start, n + 1, write_close.
[, $id, $times] = $argv;
for ($i = 0; $i < (int) $times; $i++) {
    session_id($id);
    session_start() || exit(1);
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
    session_write_close() || exit(1);
}
