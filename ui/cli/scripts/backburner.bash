# Written by `make docs`, with shtab; see docs/host.md, Completion.
# Usage:
# 1) Copy this to somewhere (e.g. ~/.local/share/bash_completion/backburner).
# 2) Add the following line to your .bashrc:
#    source ~/.local/share/bash_completion/backburner
# See also: https://github.com/scop/bash-completion/blob/main/doc/configuration.md

_shtab_backburner_subparsers=(add run status list show log wait cancel kill rerun attach send parallel pause resume drain group edit rename cluster schedules unschedule move stash enqueue stats failures export templates trust clean sessions host mcp end completions)

_shtab_backburner_add_option_strings=(-h --help --session --state-dir --config --json -w --workdir -e --env -l --label -t --template --timeout --priority --stash --immediate --after -a --after-failed --after-any --delay --at --retry --retry-delay --retry-on --restart --on-reboot --need --cpus --memory --pids --pty --stdin --engine --address --ship --gpus --group -g --unless-queued --each --batch --max-fails --every --zone --catch-up --overlap --yes -p --print-id)
_shtab_backburner_run_option_strings=(-h --help --session --state-dir --config -w --workdir -e --env -l --label -t --template --timeout --priority --stash --immediate --after -a --after-failed --after-any --delay --at --retry --retry-delay --retry-on --restart --on-reboot --need --cpus --memory --pids --pty --stdin --engine --address --ship --gpus --group -g --unless-queued --each --batch --max-fails --every --zone --catch-up --overlap --yes)
_shtab_backburner_status_option_strings=(-h --help --session --state-dir --config --json --all --queued --running --completed --failed --canceled --finished -g --group -l --label --watch)
_shtab_backburner_list_option_strings=(-h --help --session --state-dir --config --json --all --queued --running --completed --failed --canceled --finished -g --group -l --label --watch)
_shtab_backburner_show_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_log_option_strings=(-h --help --session --state-dir --config --json -f --follow -n --lines --all --grep --since)
_shtab_backburner_wait_option_strings=(-h --help --session --state-dir --config --json --any --timeout)
_shtab_backburner_cancel_option_strings=(-h --help --session --state-dir --config --json --now)
_shtab_backburner_kill_option_strings=(-h --help --session --state-dir --config -s --signal)
_shtab_backburner_rerun_option_strings=(-h --help --session --state-dir --config --json --yes)
_shtab_backburner_attach_option_strings=(-h --help --session --state-dir --config)
_shtab_backburner_send_option_strings=(-h --help --session --state-dir --config -n --no-newline --end)
_shtab_backburner_parallel_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_pause_option_strings=(-h --help --session --state-dir --config --json -g --group --schedule)
_shtab_backburner_resume_option_strings=(-h --help --session --state-dir --config --json -g --group --schedule)
_shtab_backburner_drain_option_strings=(-h --help --session --state-dir --config --json -g --group)
_shtab_backburner_group_option_strings=(-h --help --session --state-dir --config --json --parallel --pause-on-failure)
_shtab_backburner_edit_option_strings=(-h --help --session --state-dir --config --json -l --label --yes)
_shtab_backburner_rename_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_cluster_option_strings=(-h --help --session --state-dir --config --json --address)
_shtab_backburner_schedules_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_unschedule_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_move_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_stash_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_enqueue_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_stats_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_failures_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_export_option_strings=(-h --help --session --state-dir --config --force)
_shtab_backburner_templates_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_trust_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_clean_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_sessions_option_strings=(-h --help --session --state-dir --config --json)
_shtab_backburner_host_option_strings=(-h --help --session --state-dir --config --json --force)
_shtab_backburner_mcp_option_strings=(-h --help --session --state-dir --config --name)
_shtab_backburner_end_option_strings=(-h --help --session --state-dir --config)
_shtab_backburner_completions_option_strings=(-h --help --session --state-dir --config)
_shtab_backburner_option_strings=(-h --help --plain --json --parallel --config --grace --state-dir --session --ephemeral --host --no-host -V --version)

_shtab_backburner_add_pos_0_COMPGEN=_backburner_command_file
_shtab_backburner_add___session_COMPGEN=_backburner_sessions
_shtab_backburner_add___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_add___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_add__w_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_add___workdir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_add___after_COMPGEN=_backburner_tasks
_shtab_backburner_add__a_COMPGEN=_backburner_tasks
_shtab_backburner_add___after_failed_COMPGEN=_backburner_tasks
_shtab_backburner_add___after_any_COMPGEN=_backburner_tasks
_shtab_backburner_add___group_COMPGEN=_backburner_groups
_shtab_backburner_add__g_COMPGEN=_backburner_groups
_shtab_backburner_add___batch_COMPGEN=_shtab_compgen_files
_shtab_backburner_run_pos_0_COMPGEN=_backburner_command_file
_shtab_backburner_run___session_COMPGEN=_backburner_sessions
_shtab_backburner_run___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_run___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_run__w_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_run___workdir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_run___after_COMPGEN=_backburner_tasks
_shtab_backburner_run__a_COMPGEN=_backburner_tasks
_shtab_backburner_run___after_failed_COMPGEN=_backburner_tasks
_shtab_backburner_run___after_any_COMPGEN=_backburner_tasks
_shtab_backburner_run___group_COMPGEN=_backburner_groups
_shtab_backburner_run__g_COMPGEN=_backburner_groups
_shtab_backburner_run___batch_COMPGEN=_shtab_compgen_files
_shtab_backburner_status___session_COMPGEN=_backburner_sessions
_shtab_backburner_status___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_status___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_status__g_COMPGEN=_backburner_groups
_shtab_backburner_status___group_COMPGEN=_backburner_groups
_shtab_backburner_list___session_COMPGEN=_backburner_sessions
_shtab_backburner_list___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_list___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_list__g_COMPGEN=_backburner_groups
_shtab_backburner_list___group_COMPGEN=_backburner_groups
_shtab_backburner_show_pos_0_COMPGEN=_backburner_tasks
_shtab_backburner_show___session_COMPGEN=_backburner_sessions
_shtab_backburner_show___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_show___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_log_pos_0_COMPGEN=_backburner_tasks
_shtab_backburner_log___session_COMPGEN=_backburner_sessions
_shtab_backburner_log___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_log___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_wait_pos_0_COMPGEN=_backburner_open
_shtab_backburner_wait___session_COMPGEN=_backburner_sessions
_shtab_backburner_wait___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_wait___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_cancel_pos_0_COMPGEN=_backburner_open
_shtab_backburner_cancel___session_COMPGEN=_backburner_sessions
_shtab_backburner_cancel___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_cancel___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_kill_pos_0_COMPGEN=_backburner_running
_shtab_backburner_kill___session_COMPGEN=_backburner_sessions
_shtab_backburner_kill___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_kill___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_rerun_pos_0_COMPGEN=_backburner_tasks
_shtab_backburner_rerun___session_COMPGEN=_backburner_sessions
_shtab_backburner_rerun___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_rerun___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_attach_pos_0_COMPGEN=_backburner_running
_shtab_backburner_attach___session_COMPGEN=_backburner_sessions
_shtab_backburner_attach___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_attach___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_send_pos_0_COMPGEN=_backburner_running
_shtab_backburner_send___session_COMPGEN=_backburner_sessions
_shtab_backburner_send___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_send___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_parallel___session_COMPGEN=_backburner_sessions
_shtab_backburner_parallel___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_parallel___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_pause_pos_0_COMPGEN=_backburner_open
_shtab_backburner_pause___session_COMPGEN=_backburner_sessions
_shtab_backburner_pause___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_pause___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_pause__g_COMPGEN=_backburner_groups
_shtab_backburner_pause___group_COMPGEN=_backburner_groups
_shtab_backburner_pause___schedule_COMPGEN=_backburner_schedules
_shtab_backburner_resume_pos_0_COMPGEN=_backburner_open
_shtab_backburner_resume___session_COMPGEN=_backburner_sessions
_shtab_backburner_resume___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_resume___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_resume__g_COMPGEN=_backburner_groups
_shtab_backburner_resume___group_COMPGEN=_backburner_groups
_shtab_backburner_resume___schedule_COMPGEN=_backburner_schedules
_shtab_backburner_drain___session_COMPGEN=_backburner_sessions
_shtab_backburner_drain___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_drain___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_drain__g_COMPGEN=_backburner_groups
_shtab_backburner_drain___group_COMPGEN=_backburner_groups
_shtab_backburner_group_pos_0_COMPGEN=_backburner_groups
_shtab_backburner_group___session_COMPGEN=_backburner_sessions
_shtab_backburner_group___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_group___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_edit_pos_0_COMPGEN=_backburner_queued
_shtab_backburner_edit_pos_1_COMPGEN=_backburner_command_file
_shtab_backburner_edit___session_COMPGEN=_backburner_sessions
_shtab_backburner_edit___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_edit___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_rename_pos_0_COMPGEN=_backburner_tasks
_shtab_backburner_rename___session_COMPGEN=_backburner_sessions
_shtab_backburner_rename___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_rename___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_cluster___session_COMPGEN=_backburner_sessions
_shtab_backburner_cluster___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_cluster___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_schedules___session_COMPGEN=_backburner_sessions
_shtab_backburner_schedules___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_schedules___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_unschedule_pos_0_COMPGEN=_backburner_schedules
_shtab_backburner_unschedule___session_COMPGEN=_backburner_sessions
_shtab_backburner_unschedule___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_unschedule___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_move_pos_0_COMPGEN=_backburner_queued
_shtab_backburner_move_pos_2_COMPGEN=_backburner_queued
_shtab_backburner_move___session_COMPGEN=_backburner_sessions
_shtab_backburner_move___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_move___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_stash_pos_0_COMPGEN=_backburner_queued
_shtab_backburner_stash___session_COMPGEN=_backburner_sessions
_shtab_backburner_stash___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_stash___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_enqueue_pos_0_COMPGEN=_backburner_queued
_shtab_backburner_enqueue___session_COMPGEN=_backburner_sessions
_shtab_backburner_enqueue___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_enqueue___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_stats___session_COMPGEN=_backburner_sessions
_shtab_backburner_stats___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_stats___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_failures___session_COMPGEN=_backburner_sessions
_shtab_backburner_failures___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_failures___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_export___session_COMPGEN=_backburner_sessions
_shtab_backburner_export___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_export___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_templates___session_COMPGEN=_backburner_sessions
_shtab_backburner_templates___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_templates___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_trust___session_COMPGEN=_backburner_sessions
_shtab_backburner_trust___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_trust___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_clean___session_COMPGEN=_backburner_sessions
_shtab_backburner_clean___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_clean___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_sessions___session_COMPGEN=_backburner_sessions
_shtab_backburner_sessions___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_sessions___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_host___session_COMPGEN=_backburner_sessions
_shtab_backburner_host___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_host___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_mcp___session_COMPGEN=_backburner_sessions
_shtab_backburner_mcp___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_mcp___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_end___session_COMPGEN=_backburner_sessions
_shtab_backburner_end___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_end___config_COMPGEN=_shtab_compgen_files
_shtab_backburner_completions___session_COMPGEN=_backburner_sessions
_shtab_backburner_completions___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner_completions___config_COMPGEN=_shtab_compgen_files
_shtab_backburner___config_COMPGEN=_shtab_compgen_files
_shtab_backburner___state_dir_COMPGEN=_shtab_compgen_dirs
_shtab_backburner___session_COMPGEN=_backburner_sessions

_shtab_backburner_kill__s_choices=(TERM KILL INT HUP QUIT USR1 USR2 STOP CONT)
_shtab_backburner_kill___signal_choices=(TERM KILL INT HUP QUIT USR1 USR2 STOP CONT)
_shtab_backburner_group___pause_on_failure_choices=(on off)
_shtab_backburner_move_pos_1_choices=(first last before)
_shtab_backburner_host_pos_0_choices=(start run status stop restart logs)
_shtab_backburner_completions_pos_0_choices=(bash zsh fish)
_shtab_backburner_pos_0_choices=(add run status list show log wait cancel kill rerun attach send parallel pause resume drain group edit rename cluster schedules unschedule move stash enqueue stats failures export templates trust clean sessions host mcp end completions)

_shtab_backburner_add_pos_0_nargs=...
_shtab_backburner_add__h_nargs=0
_shtab_backburner_add___help_nargs=0
_shtab_backburner_add___json_nargs=0
_shtab_backburner_add___stash_nargs=0
_shtab_backburner_add___immediate_nargs=0
_shtab_backburner_add___pty_nargs=0
_shtab_backburner_add___stdin_nargs=0
_shtab_backburner_add___ship_nargs=0
_shtab_backburner_add___unless_queued_nargs=0
_shtab_backburner_add___overlap_nargs=0
_shtab_backburner_add___yes_nargs=0
_shtab_backburner_add__p_nargs=0
_shtab_backburner_add___print_id_nargs=0
_shtab_backburner_run_pos_0_nargs=...
_shtab_backburner_run__h_nargs=0
_shtab_backburner_run___help_nargs=0
_shtab_backburner_run___stash_nargs=0
_shtab_backburner_run___immediate_nargs=0
_shtab_backburner_run___pty_nargs=0
_shtab_backburner_run___stdin_nargs=0
_shtab_backburner_run___ship_nargs=0
_shtab_backburner_run___unless_queued_nargs=0
_shtab_backburner_run___overlap_nargs=0
_shtab_backburner_run___yes_nargs=0
_shtab_backburner_status__h_nargs=0
_shtab_backburner_status___help_nargs=0
_shtab_backburner_status___json_nargs=0
_shtab_backburner_status___all_nargs=0
_shtab_backburner_status___queued_nargs=0
_shtab_backburner_status___running_nargs=0
_shtab_backburner_status___completed_nargs=0
_shtab_backburner_status___failed_nargs=0
_shtab_backburner_status___canceled_nargs=0
_shtab_backburner_status___finished_nargs=0
_shtab_backburner_status___watch_nargs=0
_shtab_backburner_list__h_nargs=0
_shtab_backburner_list___help_nargs=0
_shtab_backburner_list___json_nargs=0
_shtab_backburner_list___all_nargs=0
_shtab_backburner_list___queued_nargs=0
_shtab_backburner_list___running_nargs=0
_shtab_backburner_list___completed_nargs=0
_shtab_backburner_list___failed_nargs=0
_shtab_backburner_list___canceled_nargs=0
_shtab_backburner_list___finished_nargs=0
_shtab_backburner_list___watch_nargs=0
_shtab_backburner_show__h_nargs=0
_shtab_backburner_show___help_nargs=0
_shtab_backburner_show___json_nargs=0
_shtab_backburner_log__h_nargs=0
_shtab_backburner_log___help_nargs=0
_shtab_backburner_log___json_nargs=0
_shtab_backburner_log__f_nargs=0
_shtab_backburner_log___follow_nargs=0
_shtab_backburner_log___all_nargs=0
_shtab_backburner_wait_pos_0_nargs='*'
_shtab_backburner_wait__h_nargs=0
_shtab_backburner_wait___help_nargs=0
_shtab_backburner_wait___json_nargs=0
_shtab_backburner_wait___any_nargs=0
_shtab_backburner_cancel_pos_0_nargs=+
_shtab_backburner_cancel__h_nargs=0
_shtab_backburner_cancel___help_nargs=0
_shtab_backburner_cancel___json_nargs=0
_shtab_backburner_cancel___now_nargs=0
_shtab_backburner_kill_pos_0_nargs=+
_shtab_backburner_kill__h_nargs=0
_shtab_backburner_kill___help_nargs=0
_shtab_backburner_rerun_pos_0_nargs=+
_shtab_backburner_rerun__h_nargs=0
_shtab_backburner_rerun___help_nargs=0
_shtab_backburner_rerun___json_nargs=0
_shtab_backburner_rerun___yes_nargs=0
_shtab_backburner_attach__h_nargs=0
_shtab_backburner_attach___help_nargs=0
_shtab_backburner_send_pos_1_nargs='*'
_shtab_backburner_send__h_nargs=0
_shtab_backburner_send___help_nargs=0
_shtab_backburner_send__n_nargs=0
_shtab_backburner_send___no_newline_nargs=0
_shtab_backburner_send___end_nargs=0
_shtab_backburner_parallel__h_nargs=0
_shtab_backburner_parallel___help_nargs=0
_shtab_backburner_parallel___json_nargs=0
_shtab_backburner_pause_pos_0_nargs='*'
_shtab_backburner_pause__h_nargs=0
_shtab_backburner_pause___help_nargs=0
_shtab_backburner_pause___json_nargs=0
_shtab_backburner_resume_pos_0_nargs='*'
_shtab_backburner_resume__h_nargs=0
_shtab_backburner_resume___help_nargs=0
_shtab_backburner_resume___json_nargs=0
_shtab_backburner_drain__h_nargs=0
_shtab_backburner_drain___help_nargs=0
_shtab_backburner_drain___json_nargs=0
_shtab_backburner_group__h_nargs=0
_shtab_backburner_group___help_nargs=0
_shtab_backburner_group___json_nargs=0
_shtab_backburner_edit_pos_1_nargs=...
_shtab_backburner_edit__h_nargs=0
_shtab_backburner_edit___help_nargs=0
_shtab_backburner_edit___json_nargs=0
_shtab_backburner_edit___yes_nargs=0
_shtab_backburner_rename_pos_1_nargs=+
_shtab_backburner_rename__h_nargs=0
_shtab_backburner_rename___help_nargs=0
_shtab_backburner_rename___json_nargs=0
_shtab_backburner_cluster__h_nargs=0
_shtab_backburner_cluster___help_nargs=0
_shtab_backburner_cluster___json_nargs=0
_shtab_backburner_schedules__h_nargs=0
_shtab_backburner_schedules___help_nargs=0
_shtab_backburner_schedules___json_nargs=0
_shtab_backburner_unschedule_pos_0_nargs=+
_shtab_backburner_unschedule__h_nargs=0
_shtab_backburner_unschedule___help_nargs=0
_shtab_backburner_unschedule___json_nargs=0
_shtab_backburner_move__h_nargs=0
_shtab_backburner_move___help_nargs=0
_shtab_backburner_move___json_nargs=0
_shtab_backburner_stash_pos_0_nargs=+
_shtab_backburner_stash__h_nargs=0
_shtab_backburner_stash___help_nargs=0
_shtab_backburner_stash___json_nargs=0
_shtab_backburner_enqueue_pos_0_nargs=+
_shtab_backburner_enqueue__h_nargs=0
_shtab_backburner_enqueue___help_nargs=0
_shtab_backburner_enqueue___json_nargs=0
_shtab_backburner_stats__h_nargs=0
_shtab_backburner_stats___help_nargs=0
_shtab_backburner_stats___json_nargs=0
_shtab_backburner_failures__h_nargs=0
_shtab_backburner_failures___help_nargs=0
_shtab_backburner_failures___json_nargs=0
_shtab_backburner_export__h_nargs=0
_shtab_backburner_export___help_nargs=0
_shtab_backburner_export___force_nargs=0
_shtab_backburner_templates__h_nargs=0
_shtab_backburner_templates___help_nargs=0
_shtab_backburner_templates___json_nargs=0
_shtab_backburner_trust__h_nargs=0
_shtab_backburner_trust___help_nargs=0
_shtab_backburner_trust___json_nargs=0
_shtab_backburner_clean__h_nargs=0
_shtab_backburner_clean___help_nargs=0
_shtab_backburner_clean___json_nargs=0
_shtab_backburner_sessions__h_nargs=0
_shtab_backburner_sessions___help_nargs=0
_shtab_backburner_sessions___json_nargs=0
_shtab_backburner_host__h_nargs=0
_shtab_backburner_host___help_nargs=0
_shtab_backburner_host___json_nargs=0
_shtab_backburner_host___force_nargs=0
_shtab_backburner_mcp__h_nargs=0
_shtab_backburner_mcp___help_nargs=0
_shtab_backburner_end__h_nargs=0
_shtab_backburner_end___help_nargs=0
_shtab_backburner_completions__h_nargs=0
_shtab_backburner_completions___help_nargs=0
_shtab_backburner_pos_0_nargs=A...
_shtab_backburner__h_nargs=0
_shtab_backburner___help_nargs=0
_shtab_backburner___plain_nargs=0
_shtab_backburner___json_nargs=0
_shtab_backburner___ephemeral_nargs=0
_shtab_backburner___host_nargs=0
_shtab_backburner___no_host_nargs=0
_shtab_backburner__V_nargs=0
_shtab_backburner___version_nargs=0


# Custom Preamble
_backburner_list() {
  local value rest
  while IFS=$'\t' read -r value rest; do
    [[ $value == "$2"* ]] && printf '%s\n' "$value"
  done < <(backburner completions --list "$1" "${COMP_WORDS[@]}" \
    2>/dev/null)
}
_backburner_tasks() { _backburner_list tasks "$1"; }
_backburner_open() { _backburner_list open "$1"; }
_backburner_queued() { _backburner_list queued "$1"; }
_backburner_running() { _backburner_list running "$1"; }
_backburner_sessions() { _backburner_list sessions "$1"; }
_backburner_groups() { _backburner_list groups "$1"; }
_backburner_schedules() { _backburner_list schedules "$1"; }
_backburner_command_file() {
  case "${COMP_WORDS[COMP_CWORD-1]}" in
    -- | add | run) [[ -n $1 ]] && compgen -c -- "$1" ;;
  esac
  compgen -f -- "$1"
}
# End Custom Preamble

# $1=COMP_WORDS[1]
_shtab_compgen_files() {
  compgen -f -- $1  # files
}

# $1=COMP_WORDS[1]
_shtab_compgen_dirs() {
  compgen -d -- $1  # recurse into subdirs
}

# $1=COMP_WORDS[1]
_shtab_replace_nonword() {
  echo "${1//[^[:word:]]/_}"
}

# set default values (called for the initial parser & any subparsers)
_set_parser_defaults() {
  local subparsers_var="${prefix}_subparsers[@]"
  sub_parsers=${!subparsers_var-}

  local current_option_strings_var="${prefix}_option_strings[@]"
  current_option_strings=${!current_option_strings_var}

  completed_positional_actions=0

  _set_new_action "pos_$completed_positional_actions" true
}

# $1=action identifier
# $2=positional action (bool)
# set all identifiers for an action's parameters
_set_new_action() {
  current_action="${prefix}_$(_shtab_replace_nonword $1)"

  local current_action_compgen_var=${current_action}_COMPGEN
  current_action_compgen="${!current_action_compgen_var-}"

  local current_action_choices_var="${current_action}_choices[@]"
  current_action_choices="${!current_action_choices_var-}"

  local current_action_nargs_var="${current_action}_nargs"
  if [ -n "${!current_action_nargs_var-}" ]; then
    current_action_nargs="${!current_action_nargs_var}"
  else
    current_action_nargs=1
  fi

  current_action_args_start_index=$(( $word_index + 1 - $pos_only ))

  current_action_is_positional=$2
}

# Notes:
# `COMPREPLY`: what will be rendered after completion is triggered
# `completing_word`: currently typed word to generate completions for
# `${!var}`: evaluates the content of `var` and expand its content as a variable
#     hello="world"
#     x="hello"
#     ${!x} -> ${hello} -> "world"
_shtab_backburner() {
  local completing_word="${COMP_WORDS[COMP_CWORD]}"
  local previous_word="${COMP_WORDS[COMP_CWORD-1]}"
  local completed_positional_actions
  local current_action
  local current_action_args_start_index
  local current_action_choices
  local current_action_compgen
  local current_action_is_positional
  local current_action_nargs
  local current_option_strings
  local sub_parsers
  COMPREPLY=()

  local prefix=_shtab_backburner
  local word_index=0
  local pos_only=0 # "--" delimiter not encountered yet
  _set_parser_defaults
  word_index=1

  # determine what arguments are appropriate for the current state
  # of the arg parser
  while [ $word_index -ne $COMP_CWORD ]; do
    local this_word="${COMP_WORDS[$word_index]}"

    if [[ $pos_only = 1 || " $this_word " != " -- " ]]; then
      if [[ -n $sub_parsers && " ${sub_parsers[@]} " == *" $this_word "* ]]; then
        # valid subcommand: add it to the prefix & reset the current action
        prefix="${prefix}_$(_shtab_replace_nonword $this_word)"
        _set_parser_defaults
      fi

      if [[ " ${current_option_strings[@]} " == *" $this_word "* ]]; then
        # a new action should be acquired (due to recognised option string or
        # no more input expected from current action);
        # the next positional action can fill in here
        _set_new_action $this_word false
      fi

      if [[ "$current_action_nargs" != "*" ]] && \
         [[ "$current_action_nargs" != "+" ]] && \
         [[ "$current_action_nargs" != "?" ]] && \
         [[ "$current_action_nargs" != *"..." ]] && \
         (( $word_index + 1 - $current_action_args_start_index - $pos_only >= \
            $current_action_nargs )); then
        $current_action_is_positional && let "completed_positional_actions += 1"
        _set_new_action "pos_$completed_positional_actions" true
      fi
    else
      pos_only=1 # "--" delimiter encountered
    fi

    let "word_index+=1"
  done

  # Generate the completions

  COMPREPLY=()
  if [[ $pos_only = 0 && "$completing_word" == -* &&
        ( -z "$current_action_compgen" || "$current_action_is_positional" = true ) ]]; then
    # optional argument started: use option strings
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
      compgen -W "${current_option_strings[*]}" -- "$completing_word")
  elif [[ "$previous_word" =~ ^[0-9\&]*[\<\>]\>?$ ]]; then
    # handle redirection operators
    compopt -o filenames 2>/dev/null || : # bash>=4
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$completing_word")
  else
    # use choices & compgen
    local action_compgen_word="$completing_word"
    # handle tab-completing in the middle of a line (#248 <- #116)
    [[ -n "$current_action_compgen" && "$completing_word" == -* ]] && action_compgen_word=""
    [ -n "$current_action_compgen" ] && {
      [[ "$current_action_compgen" =~ _(file|dir|glob|FILE|DIR|GLOB)|File|Dir|Glob ]] &&
        compopt -o filenames 2>/dev/null || : # bash>=4
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
        "$current_action_compgen" "$action_compgen_word")
    }
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
      compgen -W "${current_action_choices[*]}" -- "$completing_word")
  fi

  if [[ ${#COMPREPLY[@]} = 0 ]]; then
    # native fallback matches are not necessarily filenames (e.g. variables)
    compopt +o filenames 2>/dev/null || : # bash>=4
  fi

  return 0
}

complete -o bashdefault -F _shtab_backburner backburner
