-- The journal of a session in version 2 of the schema, written down by `.dump` of
-- sqlite3 after its program was killed with one task running and three queued.
BEGIN TRANSACTION;
CREATE TABLE changes (
        seq INTEGER PRIMARY KEY, task_id INTEGER NOT NULL, event TEXT NOT NULL,
        snapshot TEXT NOT NULL
    );
INSERT INTO "changes" VALUES(1,1,'queued','{"id":1,"description":"Greet","kind":"bash","args":["echo hello"],"origin":"","status":"queued","reason":"starting","queued_at":"2026-11-26T10:11:59.379378Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/1.log","output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(2,1,'running','{"id":1,"description":"Greet","kind":"bash","args":["echo hello"],"origin":"","status":"running","reason":"running","queued_at":"2026-11-26T10:11:59.379378Z","started_at":"2026-11-26T10:11:59.379447Z","ended_at":null,"duration":0.0,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/1.log","output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(3,1,'complete','{"id":1,"description":"Greet","kind":"bash","args":["echo hello"],"origin":"","status":"complete","reason":"exit status 0","queued_at":"2026-11-26T10:11:59.379378Z","started_at":"2026-11-26T10:11:59.379447Z","ended_at":"2026-11-26T10:11:59.442290Z","duration":0.06284840999978769,"exit_code":0,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/1.log","output_size":6,"last_line":"hello"}');
INSERT INTO "changes" VALUES(4,2,'queued','{"id":2,"description":"Fail","kind":"bash","args":["exit 3"],"origin":"","status":"queued","reason":"starting","queued_at":"2026-11-26T10:11:59.442813Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/2.log","output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(5,2,'running','{"id":2,"description":"Fail","kind":"bash","args":["exit 3"],"origin":"","status":"running","reason":"running","queued_at":"2026-11-26T10:11:59.442813Z","started_at":"2026-11-26T10:11:59.442839Z","ended_at":null,"duration":0.0,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/2.log","output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(6,2,'failed','{"id":2,"description":"Fail","kind":"bash","args":["exit 3"],"origin":"","status":"failed","reason":"exit status 3","queued_at":"2026-11-26T10:11:59.442813Z","started_at":"2026-11-26T10:11:59.442839Z","ended_at":"2026-11-26T10:11:59.454220Z","duration":0.011386035000214179,"exit_code":3,"error":"exit status 3","progress":null,"output_path":"/home/you/.local/state/backburner/main/output/2.log","output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(7,3,'queued','{"id":3,"description":"Serve","kind":"bash","args":["sleep 600"],"origin":"","status":"queued","reason":"starting","queued_at":"2026-11-26T10:11:59.454743Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/3.log","output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(8,3,'running','{"id":3,"description":"Serve","kind":"bash","args":["sleep 600"],"origin":"","status":"running","reason":"running","queued_at":"2026-11-26T10:11:59.454743Z","started_at":"2026-11-26T10:11:59.454766Z","ended_at":null,"duration":0.0,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/3.log","output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(9,4,'queued','{"id":4,"description":"Clean","kind":"bash","args":["rm -rf build"],"origin":"","status":"queued","reason":"waiting for a slot (1 of 1 busy)","queued_at":"2026-11-26T10:11:59.459700Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/4.log","output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(10,5,'queued','{"id":5,"description":"Nap","kind":"sleep","args":["0s"],"origin":"","status":"queued","reason":"waiting for a slot (1 of 1 busy)","queued_at":"2026-11-26T10:11:59.460129Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":null,"output_size":0,"last_line":null}');
INSERT INTO "changes" VALUES(11,6,'queued','{"id":6,"description":"Send","kind":"fax","args":["true"],"origin":"","status":"queued","reason":"waiting for a slot (1 of 1 busy)","queued_at":"2026-11-26T10:11:59.460301Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/6.log","output_size":0,"last_line":null}');
CREATE TABLE chat (
        id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, message TEXT NOT NULL
    );
INSERT INTO "chat" VALUES(1,11,'{"at":"2026-11-26T10:11:59.463346Z","conversation":"main","who":"you","text":"a note","command":false}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO "meta" VALUES('clean',0);
INSERT INTO "meta" VALUES('next_id',1);
INSERT INTO "meta" VALUES('seq',0);
INSERT INTO "meta" VALUES('session_key','a2260b06b884');
INSERT INTO "meta" VALUES('shown',0);
CREATE TABLE processes (
        task_id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, created REAL NOT NULL
    );
CREATE TABLE tasks (
        id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, snapshot TEXT NOT NULL
    );
INSERT INTO "tasks" VALUES(1,3,'{"id":1,"description":"Greet","kind":"bash","args":["echo hello"],"origin":"","status":"complete","reason":"exit status 0","queued_at":"2026-11-26T10:11:59.379378Z","started_at":"2026-11-26T10:11:59.379447Z","ended_at":"2026-11-26T10:11:59.442290Z","duration":0.06284840999978769,"exit_code":0,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/1.log","output_size":6,"last_line":"hello"}');
INSERT INTO "tasks" VALUES(2,6,'{"id":2,"description":"Fail","kind":"bash","args":["exit 3"],"origin":"","status":"failed","reason":"exit status 3","queued_at":"2026-11-26T10:11:59.442813Z","started_at":"2026-11-26T10:11:59.442839Z","ended_at":"2026-11-26T10:11:59.454220Z","duration":0.011386035000214179,"exit_code":3,"error":"exit status 3","progress":null,"output_path":"/home/you/.local/state/backburner/main/output/2.log","output_size":0,"last_line":null}');
INSERT INTO "tasks" VALUES(3,8,'{"id":3,"description":"Serve","kind":"bash","args":["sleep 600"],"origin":"","status":"running","reason":"running","queued_at":"2026-11-26T10:11:59.454743Z","started_at":"2026-11-26T10:11:59.454766Z","ended_at":null,"duration":0.0,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/3.log","output_size":0,"last_line":null}');
INSERT INTO "tasks" VALUES(4,9,'{"id":4,"description":"Clean","kind":"bash","args":["rm -rf build"],"origin":"","status":"queued","reason":"waiting for a slot (1 of 1 busy)","queued_at":"2026-11-26T10:11:59.459700Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/4.log","output_size":0,"last_line":null}');
INSERT INTO "tasks" VALUES(5,10,'{"id":5,"description":"Nap","kind":"sleep","args":["0s"],"origin":"","status":"queued","reason":"waiting for a slot (1 of 1 busy)","queued_at":"2026-11-26T10:11:59.460129Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":null,"output_size":0,"last_line":null}');
INSERT INTO "tasks" VALUES(6,11,'{"id":6,"description":"Send","kind":"fax","args":["true"],"origin":"","status":"queued","reason":"waiting for a slot (1 of 1 busy)","queued_at":"2026-11-26T10:11:59.460301Z","started_at":null,"ended_at":null,"duration":null,"exit_code":null,"error":null,"progress":null,"output_path":"/home/you/.local/state/backburner/main/output/6.log","output_size":0,"last_line":null}');
CREATE INDEX changes_of_task ON changes (task_id);
COMMIT;
PRAGMA application_id = 1650549611;
PRAGMA user_version = 2;
