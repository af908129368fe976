-- How Dripline's tables lie on the nodes of a Citus cluster. Written by `make citus` from the tables of the code.
--
-- Prepared for, not run in CI: no test of this project has run on Citus. The tests keep what it rests on: every key
-- has the part, no reference leaves it, and what is done for contacts names it (tests/law/test_parts.py).
-- docs/architecture.md, "Parts", says what is still missing before Citus is fast and not only possible.
--
-- Run it once, as the owner, after `dripline doctor --mend` has made the tables in a database whose extension
-- `citus` is there and whose nodes are added, and before there are contacts:
--   psql -v ON_ERROR_STOP=1 -d dripline -f deploy/citus.sql
--
-- All that is a contact's lies on one node: 32 shards of `part`, side by side over all tables. The 64 parts fall
-- on them by Citus's own hash, not evenly: look at citus_shards and move shards before there is load.

SET citus.shard_count = 32;
BEGIN;

-- Contacts and what is theirs.
SELECT create_distributed_table('contact', 'part', colocate_with => 'none');
SELECT create_distributed_table('account', 'part', colocate_with => 'contact');
SELECT create_distributed_table('applied_call', 'part', colocate_with => 'contact');
SELECT create_distributed_table('assignment', 'part', colocate_with => 'contact');
SELECT create_distributed_table('claim', 'part', colocate_with => 'contact');
SELECT create_distributed_table('consent', 'part', colocate_with => 'contact');
SELECT create_distributed_table('contact_alias', 'part', colocate_with => 'contact');
SELECT create_distributed_table('contact_tag', 'part', colocate_with => 'contact');
SELECT create_distributed_table('conversion', 'part', colocate_with => 'contact');
SELECT create_distributed_table('cursor', 'part', colocate_with => 'contact');
SELECT create_distributed_table('delivery', 'part', colocate_with => 'contact');
SELECT create_distributed_table('enrollment', 'part', colocate_with => 'contact');
SELECT create_distributed_table('event', 'part', colocate_with => 'contact');
SELECT create_distributed_table('event_ahead', 'part', colocate_with => 'contact');
SELECT create_distributed_table('experiment_tally', 'part', colocate_with => 'contact');
SELECT create_distributed_table('exposure', 'part', colocate_with => 'contact');
SELECT create_distributed_table('failure', 'part', colocate_with => 'contact');
SELECT create_distributed_table('inbox', 'part', colocate_with => 'contact');
SELECT create_distributed_table('journal', 'part', colocate_with => 'contact');
SELECT create_distributed_table('membership', 'part', colocate_with => 'contact');
SELECT create_distributed_table('message', 'part', colocate_with => 'contact');
SELECT create_distributed_table('passage', 'part', colocate_with => 'contact');
SELECT create_distributed_table('recheck', 'part', colocate_with => 'contact');
SELECT create_distributed_table('sequence', 'part', colocate_with => 'contact');
SELECT create_distributed_table('suppression', 'part', colocate_with => 'contact');
SELECT create_distributed_table('task', 'part', colocate_with => 'contact');
SELECT create_distributed_table('token', 'part', colocate_with => 'contact');
SELECT create_distributed_table('transfer', 'part', colocate_with => 'contact');

-- A copy on every node: what is drawn and named.
SELECT create_reference_table('experiment');
SELECT create_reference_table('experiment_share');
SELECT create_reference_table('flow');
SELECT create_reference_table('flow_version');
SELECT create_reference_table('meta');
SELECT create_reference_table('segment');
SELECT create_reference_table('template');
SELECT create_reference_table('topic');
SELECT create_reference_table('workspace');

-- On the coordinator only: what pages and people need, and no wave.
-- approval
-- audit_entry
-- changeover
-- designer_session
-- designer_user
-- draft
-- event_refusal
-- experiment_decision
-- gesture
-- lease
-- sign_in_refusal
-- write_key

COMMIT;
