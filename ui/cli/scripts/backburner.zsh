#compdef backburner

# Written by `make docs`, with shtab; see docs/host.md, Completion.
# Usage:
# 1) Copy this to a file named _backburner (e.g. ~/.local/share/zsh_completion/_backburner).
# 2) Add the following line to your .zshrc:
#    fpath=(~/.local/share/zsh_completion $fpath)
# See also: https://github.com/zsh-users/zsh-completions/blob/master/zsh-completions-howto.org


_shtab_backburner_commands() {
  local _commands=(
    add:'add a task: one argument is a command line, several are quoted'
    attach:'use the terminal of a task here; Ctrl+] returns'
    cancel:'cancel tasks'
    clean:'forget finished tasks and delete their output'
    cluster:'show the nodes of the cluster and the tasks on them'
    completions:'print the completion script of a shell'
    drain:'start no more tasks; running ones finish'
    edit:'change a queued task, in $EDITOR or to a new command'
    end:'end the session and its running tasks'
    enqueue:'release held tasks'
    export:'write all tasks as JSON lines, or a report'
    failures:'list failed tasks with the last lines of their output'
    group:'set how many tasks of a group run at a time, or show the groups'
    host:'start, stop or inspect the host of the session'
    kill:'send a signal to a running task'"'"'s processes'
    list:'list tasks; by default all except canceled ones'
    log:'show the output of a task'
    mcp:'serve an agent by MCP'
    move:'change the place of a queued task'
    parallel:'set how many tasks run at a time; without N, show it'
    pause:'pause tasks, a group or a schedule; by default, everything'
    rename:'change the description of a task'
    rerun:'add tasks again, with the same request'
    resume:'continue after pause or drain'
    run:'add a task, show its output, exit with its status'
    schedules:'list the schedules, which add --every creates'
    send:'send a line or standard input to a task'
    sessions:'list the sessions'
    show:'show the details of a task'
    stash:'hold queued tasks until enqueue'
    stats:'count finished tasks, and show times by group'
    status:'list tasks; by default all except canceled ones'
    templates:'list the templates of this directory'
    trust:'trust the template file of a project'
    unschedule:'remove schedules; tasks that they added stay'
    wait:'wait for tasks; by default for all open ones'
  )
  _describe 'backburner commands' _commands
}

_shtab_backburner_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--plain[read and write lines instead of drawing]"
  "--json[write one JSON object a line]"
  "--parallel[tasks that run at a time (default\: 8, or as configured)]:N:"
  "--config[the configuration]:FILE:_files"
  "--grace[seconds between SIGTERM and SIGKILL of a task (default\: 5, or as configured)]:S:"
  "--state-dir[where sessions are kept]:DIR:_files -/"
  "--session[which session to open (default\: main)]:NAME:_backburner_sessions"
  "--ephemeral[keep nothing of this session]"
  {--host,--no-host}"[run the session in a process of its own, which keeps running when you leave (default\: yes for a chat, unless the configuration says no)]"
  {-V,--version}"[show the version and exit]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_defaults_added=0

_shtab_backburner_add_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  {-w,--workdir}"[where it runs]:DIR:_files -/"
  "*"{-e,--env}"[an environment variable\; repeatable]:K=V:"
  {-l,--label}"[its description]:TEXT:"
  {-t,--template}"[run this template, with CMD as its arguments]:NAME:"
  "--timeout[fail it if it takes longer than this]:10m:"
  "--priority[start it before tasks with a lower number (0)]:N:"
  "--stash[hold it until it is enqueued]"
  "--immediate[start it now, even if no slot is free]"
  {--after,-a}"[start it when these tasks are complete]:3,5:_backburner_tasks"
  "--after-failed[start it when these tasks have failed]:3,5:_backburner_tasks"
  "--after-any[start it when these tasks have ended]:3,5:_backburner_tasks"
  "--delay[start it after this delay or later]:5m:"
  "--at[start it at this time or later]:18:30:"
  "--retry[make up to this many more attempts on failure]:3:"
  "--retry-delay[wait this long before the second attempt]:2s:"
  "--retry-on[retry only after these statuses\; 124\: timeout]:1,75:"
  "--restart[start it again\: always, or on-failure]:always:"
  "--on-reboot[after a reboot\: again, or fail]:again:"
  "--need[reserve this amount of a resource]:gpu=1:"
  "--cpus[let it use at most this many processors]:1.5:"
  "--memory[fail it if it uses more memory than this]:2G:"
  "--pids[let it have at most this many processes]:100:"
  "--pty[give it a terminal of its own]"
  "--stdin[give it a pipe as its input]"
  "--engine[run it on a cluster]:ray:"
  "--address[the head of that cluster]:HOST:PORT:"
  "--ship[run it in a copy of its directory on the node]"
  "--gpus[reserve this many GPUs of the cluster]:1:"
  {--group,-g}"[run it in this group]:NAME:_backburner_groups"
  "--unless-queued[add nothing if the same task is queued]"
  "--each[add a task for each value of \{\}\; or a,b]:1..10:"
  "--batch[add a task for each line of a file, as \{\}]:FILE:_files"
  "--max-fails[after N failures, cancel the rest]:N:"
  "--every[add it at an interval, or as cron does]:15m:"
  "--zone[the time zone of --every\; default\: local]:UTC:"
  "--catch-up[missed runs of --every\: once, all or skip]:once:"
  "--overlap[add a run even if the last one is running]"
  "--yes[run it without asking for confirmation]"
  {-p,--print-id}"[print the id alone]"
  "(-)*::the command:_normal"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_add_defaults_added=0

_shtab_backburner_attach_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  ":id:_backburner_running"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_attach_defaults_added=0

_shtab_backburner_cancel_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "--now[kill running ones at once]"
  "*:ID:_backburner_open"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_cancel_defaults_added=0

_shtab_backburner_clean_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_clean_defaults_added=0

_shtab_backburner_cluster_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "--address[the head of the cluster]:HOST:PORT:"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_cluster_defaults_added=0

_shtab_backburner_completions_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  ":shell:(bash zsh fish)"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_completions_defaults_added=0

_shtab_backburner_drain_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  {-g,--group}"[of one group alone]:NAME:_backburner_groups"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_drain_defaults_added=0

_shtab_backburner_edit_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  {-l,--label}"[its new description]:TEXT:"
  "--yes[run it without asking for confirmation]"
  ":id:_backburner_queued"
  "(-)*::the new command:_normal"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_edit_defaults_added=0

_shtab_backburner_end_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_end_defaults_added=0

_shtab_backburner_enqueue_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "*:ID:_backburner_queued"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_enqueue_defaults_added=0

_shtab_backburner_export_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--force[replace an existing file]"
  ":a report if it ends with .html or .md:"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_export_defaults_added=0

_shtab_backburner_failures_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_failures_defaults_added=0

_shtab_backburner_group_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "--parallel[0\: no limit]:N:"
  "--pause-on-failure[start no more tasks when one fails]:pause_on_failure:(on off)"
  ":NAME:_backburner_groups"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_group_defaults_added=0

_shtab_backburner_host_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "--force[even if tasks are running]"
  ":action:(start run status stop restart logs)"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_host_defaults_added=0

_shtab_backburner_kill_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  {-s,--signal}"[a name such as TERM, or a number (default\: KILL)]:signal:(TERM KILL INT HUP QUIT USR1 USR2 STOP CONT)"
  "*:ID:_backburner_running"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_kill_defaults_added=0

_shtab_backburner_list_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "--all[which]"
  "--queued[which]"
  "--running[which]"
  "--completed[which]"
  "--failed[which]"
  "--canceled[which]"
  "--finished[which]"
  {-g,--group}"[tasks of this group]:NAME:_backburner_groups"
  {-l,--label}"[tasks whose description contains this]:TEXT:"
  "--watch[update the list until Ctrl\+C]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_list_defaults_added=0

_shtab_backburner_log_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  {-f,--follow}"[until it ends]"
  {-n,--lines}"[the last N lines]:N:"
  "--all[all tasks\; with --grep]"
  "--grep[only lines that match]:RE:"
  "--since[only output after this place\; reports where to continue]:OFFSET|ID:OFFSET:"
  ":default\: the newest:_backburner_tasks"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_log_defaults_added=0

_shtab_backburner_mcp_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--name[the name of the agent (default\: the name that its program reports)]:NAME:"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_mcp_defaults_added=0

_shtab_backburner_move_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  ":id:_backburner_queued"
  ":place:(first last before)"
  ":ID:_backburner_queued"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_move_defaults_added=0

_shtab_backburner_parallel_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  ":1 to 1000000, or default:"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_parallel_defaults_added=0

_shtab_backburner_pause_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  {-g,--group}"[of one group alone]:NAME:_backburner_groups"
  "--schedule[one schedule]:ID:_backburner_schedules"
  "*:ID:_backburner_open"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_pause_defaults_added=0

_shtab_backburner_rename_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  ":id:_backburner_tasks"
  "*:TEXT:"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_rename_defaults_added=0

_shtab_backburner_rerun_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "--yes[run it without asking for confirmation]"
  "*:ID:_backburner_tasks"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_rerun_defaults_added=0

_shtab_backburner_resume_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  {-g,--group}"[of one group alone]:NAME:_backburner_groups"
  "--schedule[one schedule]:ID:_backburner_schedules"
  "*:ID:_backburner_open"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_resume_defaults_added=0

_shtab_backburner_run_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  {-w,--workdir}"[where it runs]:DIR:_files -/"
  "*"{-e,--env}"[an environment variable\; repeatable]:K=V:"
  {-l,--label}"[its description]:TEXT:"
  {-t,--template}"[run this template, with CMD as its arguments]:NAME:"
  "--timeout[fail it if it takes longer than this]:10m:"
  "--priority[start it before tasks with a lower number (0)]:N:"
  "--stash[hold it until it is enqueued]"
  "--immediate[start it now, even if no slot is free]"
  {--after,-a}"[start it when these tasks are complete]:3,5:_backburner_tasks"
  "--after-failed[start it when these tasks have failed]:3,5:_backburner_tasks"
  "--after-any[start it when these tasks have ended]:3,5:_backburner_tasks"
  "--delay[start it after this delay or later]:5m:"
  "--at[start it at this time or later]:18:30:"
  "--retry[make up to this many more attempts on failure]:3:"
  "--retry-delay[wait this long before the second attempt]:2s:"
  "--retry-on[retry only after these statuses\; 124\: timeout]:1,75:"
  "--restart[start it again\: always, or on-failure]:always:"
  "--on-reboot[after a reboot\: again, or fail]:again:"
  "--need[reserve this amount of a resource]:gpu=1:"
  "--cpus[let it use at most this many processors]:1.5:"
  "--memory[fail it if it uses more memory than this]:2G:"
  "--pids[let it have at most this many processes]:100:"
  "--pty[give it a terminal of its own]"
  "--stdin[give it a pipe as its input]"
  "--engine[run it on a cluster]:ray:"
  "--address[the head of that cluster]:HOST:PORT:"
  "--ship[run it in a copy of its directory on the node]"
  "--gpus[reserve this many GPUs of the cluster]:1:"
  {--group,-g}"[run it in this group]:NAME:_backburner_groups"
  "--unless-queued[add nothing if the same task is queued]"
  "--each[add a task for each value of \{\}\; or a,b]:1..10:"
  "--batch[add a task for each line of a file, as \{\}]:FILE:_files"
  "--max-fails[after N failures, cancel the rest]:N:"
  "--every[add it at an interval, or as cron does]:15m:"
  "--zone[the time zone of --every\; default\: local]:UTC:"
  "--catch-up[missed runs of --every\: once, all or skip]:once:"
  "--overlap[add a run even if the last one is running]"
  "--yes[run it without asking for confirmation]"
  "(-)*::the command:_normal"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_run_defaults_added=0

_shtab_backburner_schedules_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_schedules_defaults_added=0

_shtab_backburner_send_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  {-n,--no-newline}"[without the end of the line]"
  "--end[then the end of its input]"
  ":id:_backburner_running"
  "*:TEXT:"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_send_defaults_added=0

_shtab_backburner_sessions_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_sessions_defaults_added=0

_shtab_backburner_show_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  ":id:_backburner_tasks"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_show_defaults_added=0

_shtab_backburner_stash_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "*:ID:_backburner_queued"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_stash_defaults_added=0

_shtab_backburner_stats_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_stats_defaults_added=0

_shtab_backburner_status_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "--all[which]"
  "--queued[which]"
  "--running[which]"
  "--completed[which]"
  "--failed[which]"
  "--canceled[which]"
  "--finished[which]"
  {-g,--group}"[tasks of this group]:NAME:_backburner_groups"
  {-l,--label}"[tasks whose description contains this]:TEXT:"
  "--watch[update the list until Ctrl\+C]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_status_defaults_added=0

_shtab_backburner_templates_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_templates_defaults_added=0

_shtab_backburner_trust_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  ":FILE:"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_trust_defaults_added=0

_shtab_backburner_unschedule_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "*:ID:_backburner_schedules"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_unschedule_defaults_added=0

_shtab_backburner_wait_options=(
  "(- : *)"{-h,--help}"[show this help message and exit]"
  "--session[the session]:NAME:_backburner_sessions"
  "--state-dir[the folder that contains the sessions]:DIR:_files -/"
  "--config[the configuration]:FILE:_files"
  "--json[write JSON]"
  "--any[until one of them ends]"
  "--timeout[wait at most this many seconds]:S:"
  "*:ID:_backburner_open"
)

# guard to ensure default positional specs are added only once per session
_shtab_backburner_wait_defaults_added=0


_shtab_backburner() {
  local context state line curcontext="$curcontext" one_or_more='(*)' remainder='(-)*:' default='*::: :->backburner'

  # Add default positional/remainder specs only if none exist, and only once per session
  if (( ! _shtab_backburner_defaults_added )); then
    if (( ${_shtab_backburner_options[(I)${(q)one_or_more}*]} +          ${_shtab_backburner_options[(I)${(q)remainder}*]} +          ${_shtab_backburner_options[(I)${(q)default}]} == 0 )); then
      _shtab_backburner_options+=(': :_shtab_backburner_commands' '*::: :->backburner')
    fi
    _shtab_backburner_defaults_added=1
  fi
  _arguments -C -s $_shtab_backburner_options

  case $state in
    backburner)
      words=($line[1] "${words[@]}")
      (( CURRENT += 1 ))
      curcontext="${curcontext%:*:*}:_shtab_backburner-$line[1]:"
      case $line[1] in
        add) _arguments -C -s $_shtab_backburner_add_options ;;
        attach) _arguments -C -s $_shtab_backburner_attach_options ;;
        cancel) _arguments -C -s $_shtab_backburner_cancel_options ;;
        clean) _arguments -C -s $_shtab_backburner_clean_options ;;
        cluster) _arguments -C -s $_shtab_backburner_cluster_options ;;
        completions) _arguments -C -s $_shtab_backburner_completions_options ;;
        drain) _arguments -C -s $_shtab_backburner_drain_options ;;
        edit) _arguments -C -s $_shtab_backburner_edit_options ;;
        end) _arguments -C -s $_shtab_backburner_end_options ;;
        enqueue) _arguments -C -s $_shtab_backburner_enqueue_options ;;
        export) _arguments -C -s $_shtab_backburner_export_options ;;
        failures) _arguments -C -s $_shtab_backburner_failures_options ;;
        group) _arguments -C -s $_shtab_backburner_group_options ;;
        host) _arguments -C -s $_shtab_backburner_host_options ;;
        kill) _arguments -C -s $_shtab_backburner_kill_options ;;
        list) _arguments -C -s $_shtab_backburner_list_options ;;
        log) _arguments -C -s $_shtab_backburner_log_options ;;
        mcp) _arguments -C -s $_shtab_backburner_mcp_options ;;
        move) _arguments -C -s $_shtab_backburner_move_options ;;
        parallel) _arguments -C -s $_shtab_backburner_parallel_options ;;
        pause) _arguments -C -s $_shtab_backburner_pause_options ;;
        rename) _arguments -C -s $_shtab_backburner_rename_options ;;
        rerun) _arguments -C -s $_shtab_backburner_rerun_options ;;
        resume) _arguments -C -s $_shtab_backburner_resume_options ;;
        run) _arguments -C -s $_shtab_backburner_run_options ;;
        schedules) _arguments -C -s $_shtab_backburner_schedules_options ;;
        send) _arguments -C -s $_shtab_backburner_send_options ;;
        sessions) _arguments -C -s $_shtab_backburner_sessions_options ;;
        show) _arguments -C -s $_shtab_backburner_show_options ;;
        stash) _arguments -C -s $_shtab_backburner_stash_options ;;
        stats) _arguments -C -s $_shtab_backburner_stats_options ;;
        status) _arguments -C -s $_shtab_backburner_status_options ;;
        templates) _arguments -C -s $_shtab_backburner_templates_options ;;
        trust) _arguments -C -s $_shtab_backburner_trust_options ;;
        unschedule) _arguments -C -s $_shtab_backburner_unschedule_options ;;
        wait) _arguments -C -s $_shtab_backburner_wait_options ;;
      esac
  esac
}

# Custom Preamble
_backburner_list() {
  local -a found
  local value rest
  while IFS=$'\t' read -r value rest; do
    found+=("${value//:/\\:}${rest:+:$rest}")
  done < <(backburner completions --list "$1" "${words[@]}" 2>/dev/null)
  _describe -V -t $1 $1 found
}
_backburner_tasks() { _backburner_list tasks }
_backburner_open() { _backburner_list open }
_backburner_queued() { _backburner_list queued }
_backburner_running() { _backburner_list running }
_backburner_sessions() { _backburner_list sessions }
_backburner_groups() { _backburner_list groups }
_backburner_schedules() { _backburner_list schedules }
# End Custom Preamble


typeset -A opt_args

if [[ $zsh_eval_context[-1] == eval ]]; then
  # eval/source/. command, register function for later
  compdef _shtab_backburner -N backburner
else
  # autoload from fpath, call function directly
  _shtab_backburner "$@"
fi
