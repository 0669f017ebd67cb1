.bail off
.version
pragma page_size=4096;
create table t(id integer primary key, name text not null, v real, b blob);
with recursive c(i) as (select 1 union all select i+1 from c where i<20000) insert into t select i, 'name'||i, i*0.5, zeroblob(i%50) from c;
create index tn on t(name); create unique index tu on t(v);
select count(*), sum(v), max(length(b)), min(name) from t;
insert into t values(1,'dup',0,null);
begin; delete from t where id%3=0; select count(*) from t; rollback; select count(*) from t;
savepoint s; update t set name=upper(name) where id<5; select name from t where id<6; release s;
pragma journal_mode; pragma journal_mode=truncate; update t set v=v+100000; pragma journal_mode=persist; update t set v=v-100000; pragma journal_mode=memory; update t set v=v+1 where id=1; pragma journal_mode=wal; pragma journal_mode=delete;
create virtual table f using fts5(body); insert into f values('hello world'),('quick brown fox'),('lazy dog'); select * from f where f match 'fox OR dog' order by rank;
create view vv as select id, name from t where id<4; select * from vv;
create trigger tr after insert on t begin insert into log values(new.id); end; create table log(x); insert into t values(30000,'tr',-1,x'00ff'); select * from log;
.mode box
select id,name,v,hex(b) from t where id>19998;
.mode json
select * from vv;
.mode csv
.headers on
select * from vv;
.output out.csv
select id,name,v from t order by id limit 1000;
.output stdout
.mode list
create table imp(id,name,v);
.import --skip 1 out.csv imp
select count(*), sum(v) from imp;
.import nosuch.csv imp
.tables
.indexes
.schema
.dbinfo
vacuum;
pragma integrity_check; pragma quick_check; analyze; reindex;
.backup back.db
.open back.db
select count(*) from t;
.dump log
.open --readonly back.db
insert into log values(9);
attach 'third.db' as third; create table third.x as select 1 as a; select * from third.x; 
.databases
select json_extract('{"a":[1,2,3]}','$.a[1]'), json_group_array(value) from json_each('[1,2,3]');
select round(avg(v),2) over (order by id rows 2 preceding) from t limit 1;
select sum(id) over (order by id rows 2 preceding) from t limit 3;
select sqrt(2), pow(2,10), printf('%08.3f|%s', 3.14159, 'x'), strftime('%Y-%m-%d', 0, 'unixepoch'), date('2024-02-29','+1 year'), typeof(random()), length(randomblob(10));
explain query plan select * from t where name='name5';
select * from nosuch;
syntax error here;
select readfile('out.csv') is not null, writefile('w.txt','content'), readfile('w.txt'), readfile('none') is null;
select name, mode from fsdir('.') where name like '%.txt';
.shell ls
.system ls
.cd /
.open /nosuch/x.db
select 1;
create table z(a);
.save /data/saved.db
.open /data/main.db
pragma cache_size=10; update t set name=name||'x'; pragma wal_checkpoint; pragma temp_store; 
create temp table tt as select * from t order by random(); select count(*) from tt;
pragma mmap_size=1000000; select count(*) from t;
select count(*) from t a join t b on a.id=b.id+1 where a.name<b.name;
.timeout 100
.print the end of the script
.exit 3
