-- The Apache edition has no continuous aggregates: hours and days are summed up by Davy.
create table figures_1h (like figures_1m including all);
create table figures_1d (like figures_1m including all);

insert into history_settings (id, layout, width) values (1, 'apache', 3600000000);
