# Written by `make docs`, with shtab; see docs/host.md, Completion.
# Usage:
# 1) Copy this to ~/.config/fish/completions/backburner.fish
# 2) Ensure a binary named backburner is in your PATH
# See also: https://fishshell.com/docs/current/completions.html#where-to-put-completions

# Custom Preamble
complete -c backburner -f
function _backburner_list
  backburner completions --list $argv (commandline -opc) 2>/dev/null
end
# End Custom Preamble

# Parse current commandline:
# - _shtab_backburner_cmdpath=(sub)command path seen so far
# - _shtab_backburner_npos=number of positional arguments given after it
# - options are skipped based on _shtab_backburner_opts_with_value & _shtab_backburner_commands lists
function _shtab_backburner_scan
  set -g _shtab_backburner_cmdpath ''
  set -g _shtab_backburner_npos 0
  set -l tokens (commandline -opc)
  set -e tokens[1]
  set -l expect_value 0
  for t in $tokens
    if test $expect_value -eq 1
      set expect_value 0
      continue
    end
    switch "$t"
      case '--*=*'
        continue
      case '-*'
        if contains -- $t $_shtab_backburner_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_backburner_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_backburner_cmdpath"
            set candidate "$_shtab_backburner_cmdpath $t"
          end
          if contains -- $candidate $_shtab_backburner_commands
            set -g _shtab_backburner_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_backburner_npos (math $_shtab_backburner_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_backburner_using
  _shtab_backburner_scan
  test "$_shtab_backburner_cmdpath" = "$argv"
end

set -g _shtab_backburner_commands add run status list show log wait cancel kill rerun attach send parallel pause resume drain group edit rename cluster schedules unschedule move stash enqueue stats failures export templates trust clean sessions host mcp end completions
set -g _shtab_backburner_opts_with_value --address --after --after-any --after-failed --at --batch --catch-up --config --cpus --delay --each --engine --env --every --gpus --grace --grep --group --label --lines --max-fails --memory --name --need --on-reboot --parallel --pause-on-failure --pids --priority --restart --retry --retry-delay --retry-on --schedule --session --signal --since --state-dir --template --timeout --workdir --zone -a -e -g -l -n -s -t -w

complete -c backburner -e
complete -c backburner -f

complete -c backburner -n _shtab_backburner_using -s h -l help -d 'show this help message and exit'
complete -c backburner -n _shtab_backburner_using -l plain -d 'read and write lines instead of drawing'
complete -c backburner -n _shtab_backburner_using -l json -d 'write one JSON object a line'
complete -c backburner -n _shtab_backburner_using -l parallel -x -d 'tasks that run at a time (default: 8, or as configured)'
complete -c backburner -n _shtab_backburner_using -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n _shtab_backburner_using -l grace -x -d 'seconds between SIGTERM and SIGKILL of a task (default: 5, or as configured)'
complete -c backburner -n _shtab_backburner_using -l state-dir -xka "(__fish_complete_directories)" -d 'where sessions are kept'
complete -c backburner -n _shtab_backburner_using -l session -xka "(_backburner_list sessions)" -d 'which session to open (default: main)'
complete -c backburner -n _shtab_backburner_using -l ephemeral -d 'keep nothing of this session'
complete -c backburner -n _shtab_backburner_using -l host -l no-host -d 'run the session in a process of its own, which keeps running when you leave (default: yes for a chat, unless the configuration says no)'
complete -c backburner -n _shtab_backburner_using -s V -l version -d 'show the version and exit'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a add -d 'add a task: one argument is a command line, several are quoted'
complete -c backburner -n '_shtab_backburner_using add' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using add' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using add' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using add' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using add' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using add' -s w -l workdir -xka "(__fish_complete_directories)" -d 'where it runs'
complete -c backburner -n '_shtab_backburner_using add' -s e -l env -x -d 'an environment variable; repeatable'
complete -c backburner -n '_shtab_backburner_using add' -s l -l label -x -d 'its description'
complete -c backburner -n '_shtab_backburner_using add' -s t -l template -x -d 'run this template, with CMD as its arguments'
complete -c backburner -n '_shtab_backburner_using add' -l timeout -x -d 'fail it if it takes longer than this'
complete -c backburner -n '_shtab_backburner_using add' -l priority -x -d 'start it before tasks with a lower number (0)'
complete -c backburner -n '_shtab_backburner_using add' -l stash -d 'hold it until it is enqueued'
complete -c backburner -n '_shtab_backburner_using add' -l immediate -d 'start it now, even if no slot is free'
complete -c backburner -n '_shtab_backburner_using add' -l after -s a -xka "(_backburner_list tasks)" -d 'start it when these tasks are complete'
complete -c backburner -n '_shtab_backburner_using add' -l after-failed -xka "(_backburner_list tasks)" -d 'start it when these tasks have failed'
complete -c backburner -n '_shtab_backburner_using add' -l after-any -xka "(_backburner_list tasks)" -d 'start it when these tasks have ended'
complete -c backburner -n '_shtab_backburner_using add' -l delay -x -d 'start it after this delay or later'
complete -c backburner -n '_shtab_backburner_using add' -l at -x -d 'start it at this time or later'
complete -c backburner -n '_shtab_backburner_using add' -l retry -x -d 'make up to this many more attempts on failure'
complete -c backburner -n '_shtab_backburner_using add' -l retry-delay -x -d 'wait this long before the second attempt'
complete -c backburner -n '_shtab_backburner_using add' -l retry-on -x -d 'retry only after these statuses; 124: timeout'
complete -c backburner -n '_shtab_backburner_using add' -l restart -x -d 'start it again: always, or on-failure'
complete -c backburner -n '_shtab_backburner_using add' -l on-reboot -x -d 'after a reboot: again, or fail'
complete -c backburner -n '_shtab_backburner_using add' -l need -x -d 'reserve this amount of a resource'
complete -c backburner -n '_shtab_backburner_using add' -l cpus -x -d 'let it use at most this many processors'
complete -c backburner -n '_shtab_backburner_using add' -l memory -x -d 'fail it if it uses more memory than this'
complete -c backburner -n '_shtab_backburner_using add' -l pids -x -d 'let it have at most this many processes'
complete -c backburner -n '_shtab_backburner_using add' -l pty -d 'give it a terminal of its own'
complete -c backburner -n '_shtab_backburner_using add' -l stdin -d 'give it a pipe as its input'
complete -c backburner -n '_shtab_backburner_using add' -l engine -x -d 'run it on a cluster'
complete -c backburner -n '_shtab_backburner_using add' -l address -x -d 'the head of that cluster'
complete -c backburner -n '_shtab_backburner_using add' -l ship -d 'run it in a copy of its directory on the node'
complete -c backburner -n '_shtab_backburner_using add' -l gpus -x -d 'reserve this many GPUs of the cluster'
complete -c backburner -n '_shtab_backburner_using add' -l group -s g -xka "(_backburner_list groups)" -d 'run it in this group'
complete -c backburner -n '_shtab_backburner_using add' -l unless-queued -d 'add nothing if the same task is queued'
complete -c backburner -n '_shtab_backburner_using add' -l each -x -d 'add a task for each value of {}; or a,b'
complete -c backburner -n '_shtab_backburner_using add' -l batch -xka "(__fish_complete_path (commandline -ct))" -d 'add a task for each line of a file, as {}'
complete -c backburner -n '_shtab_backburner_using add' -l max-fails -x -d 'after N failures, cancel the rest'
complete -c backburner -n '_shtab_backburner_using add' -l every -x -d 'add it at an interval, or as cron does'
complete -c backburner -n '_shtab_backburner_using add' -l zone -x -d 'the time zone of --every; default: local'
complete -c backburner -n '_shtab_backburner_using add' -l catch-up -x -d 'missed runs of --every: once, all or skip'
complete -c backburner -n '_shtab_backburner_using add' -l overlap -d 'add a run even if the last one is running'
complete -c backburner -n '_shtab_backburner_using add' -l yes -d 'run it without asking for confirmation'
complete -c backburner -n '_shtab_backburner_using add' -s p -l print-id -d 'print the id alone'
complete -c backburner -n '_shtab_backburner_using add; and test $_shtab_backburner_npos -ge 0' -ka "(__fish_complete_subcommand --fcs-skip=2 --session --state-dir --config -w --workdir -e --env -l --label -t --template --timeout --priority --after -a --after-failed --after-any --delay --at --retry --retry-delay --retry-on --restart --on-reboot --need --cpus --memory --pids --engine --address --gpus --group -g --each --batch --max-fails --every --zone --catch-up)" -d 'the command'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a run -d 'add a task, show its output, exit with its status'
complete -c backburner -n '_shtab_backburner_using run' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using run' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using run' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using run' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using run' -s w -l workdir -xka "(__fish_complete_directories)" -d 'where it runs'
complete -c backburner -n '_shtab_backburner_using run' -s e -l env -x -d 'an environment variable; repeatable'
complete -c backburner -n '_shtab_backburner_using run' -s l -l label -x -d 'its description'
complete -c backburner -n '_shtab_backburner_using run' -s t -l template -x -d 'run this template, with CMD as its arguments'
complete -c backburner -n '_shtab_backburner_using run' -l timeout -x -d 'fail it if it takes longer than this'
complete -c backburner -n '_shtab_backburner_using run' -l priority -x -d 'start it before tasks with a lower number (0)'
complete -c backburner -n '_shtab_backburner_using run' -l stash -d 'hold it until it is enqueued'
complete -c backburner -n '_shtab_backburner_using run' -l immediate -d 'start it now, even if no slot is free'
complete -c backburner -n '_shtab_backburner_using run' -l after -s a -xka "(_backburner_list tasks)" -d 'start it when these tasks are complete'
complete -c backburner -n '_shtab_backburner_using run' -l after-failed -xka "(_backburner_list tasks)" -d 'start it when these tasks have failed'
complete -c backburner -n '_shtab_backburner_using run' -l after-any -xka "(_backburner_list tasks)" -d 'start it when these tasks have ended'
complete -c backburner -n '_shtab_backburner_using run' -l delay -x -d 'start it after this delay or later'
complete -c backburner -n '_shtab_backburner_using run' -l at -x -d 'start it at this time or later'
complete -c backburner -n '_shtab_backburner_using run' -l retry -x -d 'make up to this many more attempts on failure'
complete -c backburner -n '_shtab_backburner_using run' -l retry-delay -x -d 'wait this long before the second attempt'
complete -c backburner -n '_shtab_backburner_using run' -l retry-on -x -d 'retry only after these statuses; 124: timeout'
complete -c backburner -n '_shtab_backburner_using run' -l restart -x -d 'start it again: always, or on-failure'
complete -c backburner -n '_shtab_backburner_using run' -l on-reboot -x -d 'after a reboot: again, or fail'
complete -c backburner -n '_shtab_backburner_using run' -l need -x -d 'reserve this amount of a resource'
complete -c backburner -n '_shtab_backburner_using run' -l cpus -x -d 'let it use at most this many processors'
complete -c backburner -n '_shtab_backburner_using run' -l memory -x -d 'fail it if it uses more memory than this'
complete -c backburner -n '_shtab_backburner_using run' -l pids -x -d 'let it have at most this many processes'
complete -c backburner -n '_shtab_backburner_using run' -l pty -d 'give it a terminal of its own'
complete -c backburner -n '_shtab_backburner_using run' -l stdin -d 'give it a pipe as its input'
complete -c backburner -n '_shtab_backburner_using run' -l engine -x -d 'run it on a cluster'
complete -c backburner -n '_shtab_backburner_using run' -l address -x -d 'the head of that cluster'
complete -c backburner -n '_shtab_backburner_using run' -l ship -d 'run it in a copy of its directory on the node'
complete -c backburner -n '_shtab_backburner_using run' -l gpus -x -d 'reserve this many GPUs of the cluster'
complete -c backburner -n '_shtab_backburner_using run' -l group -s g -xka "(_backburner_list groups)" -d 'run it in this group'
complete -c backburner -n '_shtab_backburner_using run' -l unless-queued -d 'add nothing if the same task is queued'
complete -c backburner -n '_shtab_backburner_using run' -l each -x -d 'add a task for each value of {}; or a,b'
complete -c backburner -n '_shtab_backburner_using run' -l batch -xka "(__fish_complete_path (commandline -ct))" -d 'add a task for each line of a file, as {}'
complete -c backburner -n '_shtab_backburner_using run' -l max-fails -x -d 'after N failures, cancel the rest'
complete -c backburner -n '_shtab_backburner_using run' -l every -x -d 'add it at an interval, or as cron does'
complete -c backburner -n '_shtab_backburner_using run' -l zone -x -d 'the time zone of --every; default: local'
complete -c backburner -n '_shtab_backburner_using run' -l catch-up -x -d 'missed runs of --every: once, all or skip'
complete -c backburner -n '_shtab_backburner_using run' -l overlap -d 'add a run even if the last one is running'
complete -c backburner -n '_shtab_backburner_using run' -l yes -d 'run it without asking for confirmation'
complete -c backburner -n '_shtab_backburner_using run; and test $_shtab_backburner_npos -ge 0' -ka "(__fish_complete_subcommand --fcs-skip=2 --session --state-dir --config -w --workdir -e --env -l --label -t --template --timeout --priority --after -a --after-failed --after-any --delay --at --retry --retry-delay --retry-on --restart --on-reboot --need --cpus --memory --pids --engine --address --gpus --group -g --each --batch --max-fails --every --zone --catch-up)" -d 'the command'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a status -d 'list tasks; by default all except canceled ones'
complete -c backburner -n '_shtab_backburner_using status' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using status' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using status' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using status' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using status' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using status' -l all -d which
complete -c backburner -n '_shtab_backburner_using status' -l queued -d which
complete -c backburner -n '_shtab_backburner_using status' -l running -d which
complete -c backburner -n '_shtab_backburner_using status' -l completed -d which
complete -c backburner -n '_shtab_backburner_using status' -l failed -d which
complete -c backburner -n '_shtab_backburner_using status' -l canceled -d which
complete -c backburner -n '_shtab_backburner_using status' -l finished -d which
complete -c backburner -n '_shtab_backburner_using status' -s g -l group -xka "(_backburner_list groups)" -d 'tasks of this group'
complete -c backburner -n '_shtab_backburner_using status' -s l -l label -x -d 'tasks whose description contains this'
complete -c backburner -n '_shtab_backburner_using status' -l watch -d 'update the list until Ctrl+C'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a list -d 'list tasks; by default all except canceled ones'
complete -c backburner -n '_shtab_backburner_using list' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using list' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using list' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using list' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using list' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using list' -l all -d which
complete -c backburner -n '_shtab_backburner_using list' -l queued -d which
complete -c backburner -n '_shtab_backburner_using list' -l running -d which
complete -c backburner -n '_shtab_backburner_using list' -l completed -d which
complete -c backburner -n '_shtab_backburner_using list' -l failed -d which
complete -c backburner -n '_shtab_backburner_using list' -l canceled -d which
complete -c backburner -n '_shtab_backburner_using list' -l finished -d which
complete -c backburner -n '_shtab_backburner_using list' -s g -l group -xka "(_backburner_list groups)" -d 'tasks of this group'
complete -c backburner -n '_shtab_backburner_using list' -s l -l label -x -d 'tasks whose description contains this'
complete -c backburner -n '_shtab_backburner_using list' -l watch -d 'update the list until Ctrl+C'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a show -d 'show the details of a task'
complete -c backburner -n '_shtab_backburner_using show' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using show' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using show' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using show' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using show' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using show; and test $_shtab_backburner_npos -eq 0' -ka "(_backburner_list tasks)" -d id
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a log -d 'show the output of a task'
complete -c backburner -n '_shtab_backburner_using log' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using log' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using log' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using log' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using log' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using log' -s f -l follow -d 'until it ends'
complete -c backburner -n '_shtab_backburner_using log' -s n -l lines -x -d 'the last N lines'
complete -c backburner -n '_shtab_backburner_using log' -l all -d 'all tasks; with --grep'
complete -c backburner -n '_shtab_backburner_using log' -l grep -x -d 'only lines that match'
complete -c backburner -n '_shtab_backburner_using log' -l since -x -d 'only output after this place; reports where to continue'
complete -c backburner -n '_shtab_backburner_using log; and test $_shtab_backburner_npos -eq 0' -ka "(_backburner_list tasks)" -d 'default: the newest'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a wait -d 'wait for tasks; by default for all open ones'
complete -c backburner -n '_shtab_backburner_using wait' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using wait' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using wait' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using wait' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using wait' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using wait' -l any -d 'until one of them ends'
complete -c backburner -n '_shtab_backburner_using wait' -l timeout -x -d 'wait at most this many seconds'
complete -c backburner -n '_shtab_backburner_using wait; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list open)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a cancel -d 'cancel tasks'
complete -c backburner -n '_shtab_backburner_using cancel' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using cancel' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using cancel' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using cancel' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using cancel' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using cancel' -l now -d 'kill running ones at once'
complete -c backburner -n '_shtab_backburner_using cancel; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list open)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a kill -d 'send a signal to a running task'"'"'s processes'
complete -c backburner -n '_shtab_backburner_using kill' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using kill' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using kill' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using kill' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using kill' -s s -l signal -xka "TERM KILL INT HUP QUIT USR1 USR2 STOP CONT" -d 'a name such as TERM, or a number (default: KILL)'
complete -c backburner -n '_shtab_backburner_using kill; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list running)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a rerun -d 'add tasks again, with the same request'
complete -c backburner -n '_shtab_backburner_using rerun' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using rerun' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using rerun' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using rerun' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using rerun' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using rerun' -l yes -d 'run it without asking for confirmation'
complete -c backburner -n '_shtab_backburner_using rerun; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list tasks)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a attach -d 'use the terminal of a task here; Ctrl+] returns'
complete -c backburner -n '_shtab_backburner_using attach' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using attach' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using attach' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using attach' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using attach; and test $_shtab_backburner_npos -eq 0' -ka "(_backburner_list running)" -d id
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a send -d 'send a line or standard input to a task'
complete -c backburner -n '_shtab_backburner_using send' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using send' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using send' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using send' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using send' -s n -l no-newline -d 'without the end of the line'
complete -c backburner -n '_shtab_backburner_using send' -l end -d 'then the end of its input'
complete -c backburner -n '_shtab_backburner_using send; and test $_shtab_backburner_npos -eq 0' -ka "(_backburner_list running)" -d id
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a parallel -d 'set how many tasks run at a time; without N, show it'
complete -c backburner -n '_shtab_backburner_using parallel' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using parallel' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using parallel' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using parallel' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using parallel' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a pause -d 'pause tasks, a group or a schedule; by default, everything'
complete -c backburner -n '_shtab_backburner_using pause' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using pause' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using pause' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using pause' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using pause' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using pause' -s g -l group -xka "(_backburner_list groups)" -d 'of one group alone'
complete -c backburner -n '_shtab_backburner_using pause' -l schedule -xka "(_backburner_list schedules)" -d 'one schedule'
complete -c backburner -n '_shtab_backburner_using pause; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list open)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a resume -d 'continue after pause or drain'
complete -c backburner -n '_shtab_backburner_using resume' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using resume' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using resume' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using resume' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using resume' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using resume' -s g -l group -xka "(_backburner_list groups)" -d 'of one group alone'
complete -c backburner -n '_shtab_backburner_using resume' -l schedule -xka "(_backburner_list schedules)" -d 'one schedule'
complete -c backburner -n '_shtab_backburner_using resume; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list open)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a drain -d 'start no more tasks; running ones finish'
complete -c backburner -n '_shtab_backburner_using drain' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using drain' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using drain' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using drain' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using drain' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using drain' -s g -l group -xka "(_backburner_list groups)" -d 'of one group alone'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a group -d 'set how many tasks of a group run at a time, or show the groups'
complete -c backburner -n '_shtab_backburner_using group' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using group' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using group' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using group' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using group' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using group' -l parallel -x -d '0: no limit'
complete -c backburner -n '_shtab_backburner_using group' -l pause-on-failure -xka "on off" -d 'start no more tasks when one fails'
complete -c backburner -n '_shtab_backburner_using group; and test $_shtab_backburner_npos -eq 0' -ka "(_backburner_list groups)" -d NAME
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a edit -d 'change a queued task, in $EDITOR or to a new command'
complete -c backburner -n '_shtab_backburner_using edit' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using edit' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using edit' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using edit' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using edit' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using edit' -s l -l label -x -d 'its new description'
complete -c backburner -n '_shtab_backburner_using edit' -l yes -d 'run it without asking for confirmation'
complete -c backburner -n '_shtab_backburner_using edit; and test $_shtab_backburner_npos -eq 0' -ka "(_backburner_list queued)" -d id
complete -c backburner -n '_shtab_backburner_using edit; and test $_shtab_backburner_npos -ge 1' -ka "(__fish_complete_subcommand --fcs-skip=2 --session --state-dir --config -l --label)" -d 'the new command'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a rename -d 'change the description of a task'
complete -c backburner -n '_shtab_backburner_using rename' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using rename' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using rename' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using rename' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using rename' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using rename; and test $_shtab_backburner_npos -eq 0' -ka "(_backburner_list tasks)" -d id
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a cluster -d 'show the nodes of the cluster and the tasks on them'
complete -c backburner -n '_shtab_backburner_using cluster' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using cluster' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using cluster' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using cluster' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using cluster' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using cluster' -l address -x -d 'the head of the cluster'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a schedules -d 'list the schedules, which add --every creates'
complete -c backburner -n '_shtab_backburner_using schedules' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using schedules' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using schedules' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using schedules' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using schedules' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a unschedule -d 'remove schedules; tasks that they added stay'
complete -c backburner -n '_shtab_backburner_using unschedule' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using unschedule' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using unschedule' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using unschedule' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using unschedule' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using unschedule; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list schedules)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a move -d 'change the place of a queued task'
complete -c backburner -n '_shtab_backburner_using move' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using move' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using move' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using move' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using move' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using move; and test $_shtab_backburner_npos -eq 0' -ka "(_backburner_list queued)" -d id
complete -c backburner -n '_shtab_backburner_using move; and test $_shtab_backburner_npos -eq 1' -ka "first last before" -d place
complete -c backburner -n '_shtab_backburner_using move; and test $_shtab_backburner_npos -eq 2' -ka "(_backburner_list queued)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a stash -d 'hold queued tasks until enqueue'
complete -c backburner -n '_shtab_backburner_using stash' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using stash' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using stash' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using stash' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using stash' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using stash; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list queued)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a enqueue -d 'release held tasks'
complete -c backburner -n '_shtab_backburner_using enqueue' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using enqueue' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using enqueue' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using enqueue' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using enqueue' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using enqueue; and test $_shtab_backburner_npos -ge 0' -ka "(_backburner_list queued)" -d ID
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a stats -d 'count finished tasks, and show times by group'
complete -c backburner -n '_shtab_backburner_using stats' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using stats' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using stats' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using stats' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using stats' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a failures -d 'list failed tasks with the last lines of their output'
complete -c backburner -n '_shtab_backburner_using failures' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using failures' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using failures' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using failures' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using failures' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a export -d 'write all tasks as JSON lines, or a report'
complete -c backburner -n '_shtab_backburner_using export' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using export' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using export' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using export' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using export' -l force -d 'replace an existing file'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a templates -d 'list the templates of this directory'
complete -c backburner -n '_shtab_backburner_using templates' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using templates' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using templates' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using templates' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using templates' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a trust -d 'trust the template file of a project'
complete -c backburner -n '_shtab_backburner_using trust' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using trust' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using trust' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using trust' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using trust' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a clean -d 'forget finished tasks and delete their output'
complete -c backburner -n '_shtab_backburner_using clean' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using clean' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using clean' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using clean' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using clean' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a sessions -d 'list the sessions'
complete -c backburner -n '_shtab_backburner_using sessions' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using sessions' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using sessions' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using sessions' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using sessions' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a host -d 'start, stop or inspect the host of the session'
complete -c backburner -n '_shtab_backburner_using host' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using host' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using host' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using host' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using host' -l json -d 'write JSON'
complete -c backburner -n '_shtab_backburner_using host' -l force -d 'even if tasks are running'
complete -c backburner -n '_shtab_backburner_using host; and test $_shtab_backburner_npos -eq 0' -ka "start run status stop restart logs" -d action
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a mcp -d 'serve an agent by MCP'
complete -c backburner -n '_shtab_backburner_using mcp' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using mcp' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using mcp' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using mcp' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using mcp' -l name -x -d 'the name of the agent (default: the name that its program reports)'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a end -d 'end the session and its running tasks'
complete -c backburner -n '_shtab_backburner_using end' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using end' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using end' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using end' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using; and test $_shtab_backburner_npos -eq 0' -a completions -d 'print the completion script of a shell'
complete -c backburner -n '_shtab_backburner_using completions' -s h -l help -d 'show this help message and exit'
complete -c backburner -n '_shtab_backburner_using completions' -l session -xka "(_backburner_list sessions)" -d 'the session'
complete -c backburner -n '_shtab_backburner_using completions' -l state-dir -xka "(__fish_complete_directories)" -d 'the folder that contains the sessions'
complete -c backburner -n '_shtab_backburner_using completions' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'the configuration'
complete -c backburner -n '_shtab_backburner_using completions; and test $_shtab_backburner_npos -eq 0' -ka "bash zsh fish" -d shell
