<?php
// order.php SCRIPT COOKIE: runs a script of tests/c/order.c on PHP itself, and prints the callbacks.
class Order implements SessionHandlerInterface, SessionIdInterface
{
    public string $calls = '';
    private array $records = ['old' => 'foo|s:3:"bar";'];
    private int $made = 0;

    public function open(string $path, string $name): bool
    {
        $this->calls .= ' open';
        return true;
    }
    public function close(): bool
    {
        $this->calls .= ' close';
        return true;
    }
    public function read(string $id): string|false
    {
        $this->calls .= " read($id)";
        return $this->records[$id] ?? '';
    }
    public function write(string $id, string $data): bool
    {
        $this->calls .= " write($id)";
        $this->records[$id] = $data;
        return true;
    }
    public function destroy(string $id): bool
    {
        $this->calls .= " destroy($id)";
        unset($this->records[$id]);
        return true;
    }
    public function gc(int $max_lifetime): int|false
    {
        $this->calls .= ' gc';
        return 0;
    }
    public function create_sid(): string
    {
        $this->calls .= ' create_sid';
        return 'new' . ++$this->made;
    }
}

[, $script, $cookie] = $argv;
if ($cookie !== '') {
    $_COOKIE['PHPSESSID'] = $cookie;
}
$handler = new Order();
session_set_save_handler($handler, false);
foreach (str_split($script) as $step) {
    match ($step) {
        's' => session_start(),
        'f' => $_SESSION['foo'] = 'bar',
        'c' => session_write_close(),
        'r' => session_reset(),
        'd' => session_destroy(),
        'g' => session_regenerate_id(false),
        'G' => session_regenerate_id(true),
        'i' => @session_id('mine'),
    };
}
echo $handler->calls, "\n";
