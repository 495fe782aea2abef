insert into history_settings (id, layout, width) values (1, 'apache', 3600000000);
